//! Names that whoever calls makes up.

use super::*;

/// Calls of so many operations in an hour, each answered with a status.
fn called(hour: u32, operations: std::ops::Range<u32>, status: u64) -> Vec<Conduct> {
    let mut builder = ConductBuilder::default();
    let due = Timestamp::from_seconds(i64::from(HOUR + hour) * 3_600);
    for operation in operations {
        let event = Event {
            time: due,
            integration: Some("faces".into()),
            operation: Some(format!("GET /v1/{operation}").into()),
            status: Some(status),
            ..Event::default()
        };
        let position = Position {
            partition: 0,
            offset: operation.into(),
            stamped: None,
        };
        builder.take(&event, Turn { due, late: false }, position);
    }
    builder.finish().into_iter().collect()
}

#[test]
fn a_scan_of_paths_makes_no_operations_and_leaves_the_budget_as_it_is() {
    let plan = plan();
    let mut behaviour = Behaviour::new(&plan);
    for hour in 0..48 {
        close(&mut behaviour, &plan, called(hour, 0..20, 200));
    }
    let (known, rows) = (behaviour.entities(), behaviour.rate.a_day());
    assert_eq!(known, 20);
    for hour in 48..72 {
        let mut conducts = called(hour, 1_000..6_000, 404);
        // In an hour without one answer those that are known are still there.
        conducts.extend(called(hour, 0..20, 429));
        close(&mut behaviour, &plan, conducts);
    }
    assert_eq!(behaviour.entities(), known);
    assert!(behaviour.rate.a_day() <= rows, "{rows}");
    close(&mut behaviour, &plan, called(72, 1_000..1_003, 200));
    assert_eq!(behaviour.entities(), known + 3);
}
