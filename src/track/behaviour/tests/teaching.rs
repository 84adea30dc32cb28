//! What an hour is taken for, and what of it is learned.

use super::*;

#[test]
fn the_local_hour_is_that_in_which_an_hour_begins() {
    // Moscow, UTC, half hours to the east and to the west, and less than one.
    let offsets = [180, 0, 330, 345, -210, -30];
    let hours = offsets.map(|offset| local_hour(100, offset));
    assert_eq!(hours, [103, 100, 105, 105, 96, 99]);
    assert_eq!(local_hour(1, -180), 0, "there is nothing before the epoch");
}
