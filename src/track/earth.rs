//! Where countries lie, as far as is needed to say how fast somebody must have travelled.
//!
//! A country is the circle that has its area, around the middle of its mainland; between two countries lies what is between the circles.
//! So a journey never looks longer than about what it is, and neighbours touch: who is found has not been there by any train or plane.
//! Middles and areas are computed from Natural Earth (1:50m, public domain), islands under a fifth of the mainland left out.

/// What stands for a country in a window.
pub(crate) fn country(code: &str) -> Option<u64> {
    let code: [u8; 2] = code.as_bytes().try_into().ok()?;
    let code = code.map(|letter| letter.to_ascii_uppercase());
    let at = COUNTRIES.binary_search_by_key(&code, |(code, ..)| *code);
    at.ok().map(|at| at as u64)
}

/// The least speed of a journey between two countries in so many microseconds, in km/h; 0 for what [`country`] did not say.
/// What takes less than a minute took a minute: clocks of gateways differ.
#[expect(clippy::cast_precision_loss, reason = "microseconds of some days")]
pub(crate) fn speed(from: u64, to: u64, micros: i64) -> f64 {
    let place = |country: u64| COUNTRIES.get(usize::try_from(country).ok()?);
    let (Some(from), Some(to)) = (place(from), place(to)) else {
        return 0.0;
    };
    let hours = micros.max(60_000_000) as f64 / 3.6e9;
    apart(*from, *to) / hours
}

/// Kilometres between two circles, along a great circle (haversine formula).
fn apart(from: Country, to: Country) -> f64 {
    let radians = |degrees: i16| f64::from(degrees).to_radians();
    let (_, from_lat, from_lon, from_radius) = from;
    let (_, to_lat, to_lon, to_radius) = to;
    let half = |a: i16, b: i16| ((radians(b) - radians(a)) / 2.0).sin().powi(2);
    let chord = half(from_lat, to_lat)
        + radians(from_lat).cos() * radians(to_lat).cos() * half(from_lon, to_lon);
    let middles = 2.0 * EARTH_KM * chord.sqrt().min(1.0).asin();
    (middles - f64::from(from_radius) - f64::from(to_radius)).max(0.0)
}

/// Mean radius of the Earth.
const EARTH_KM: f64 = 6_371.0;

/// Code (ISO 3166-1 alpha-2), latitude and longitude of the middle in degrees, radius in kilometres.
type Country = ([u8; 2], i16, i16, u16);

/// In the order of codes.
#[rustfmt::skip]
const COUNTRIES: &[Country] = &[
    (*b"AD", 43, 2, 20), (*b"AE", 24, 54, 160), (*b"AF", 34, 66, 460), (*b"AG", 17, -62, 20),
    (*b"AI", 18, -63, 10), (*b"AL", 41, 20, 100), (*b"AM", 40, 45, 100), (*b"AO", -12, 18, 630),
    (*b"AQ", -85, 83, 1960), (*b"AR", -35, -65, 940), (*b"AS", -14, -171, 10), (*b"AT", 48, 14, 170),
    (*b"AU", -12, 124, 10), (*b"AW", 13, -70, 10), (*b"AX", 60, 20, 20), (*b"AZ", 40, 48, 170),
    (*b"BA", 44, 18, 130), (*b"BB", 13, -60, 20), (*b"BD", 24, 90, 210), (*b"BE", 51, 5, 100),
    (*b"BF", 12, -2, 300), (*b"BG", 43, 25, 190), (*b"BH", 26, 51, 20), (*b"BI", -3, 30, 100),
    (*b"BJ", 10, 2, 200), (*b"BL", 18, -63, 10), (*b"BM", 32, -65, 10), (*b"BN", 5, 115, 50),
    (*b"BO", -17, -65, 590), (*b"BR", -11, -53, 1650), (*b"BS", 24, -77, 60), (*b"BT", 27, 90, 120),
    (*b"BW", -22, 24, 430), (*b"BY", 54, 28, 260), (*b"BZ", 17, -89, 90), (*b"CA", 59, -99, 1610),
    (*b"CD", -3, 24, 870), (*b"CF", 7, 20, 450), (*b"CG", -1, 15, 340), (*b"CH", 47, 8, 120),
    (*b"CI", 8, -6, 330), (*b"CK", -21, -160, 10), (*b"CL", -34, -71, 460), (*b"CM", 6, 13, 390),
    (*b"CN", 37, 103, 1730), (*b"CO", 4, -73, 610), (*b"CR", 10, -84, 130), (*b"CU", 22, -79, 190),
    (*b"CV", 16, -24, 40), (*b"CW", 12, -69, 20), (*b"CY", 35, 33, 50), (*b"CZ", 50, 15, 160),
    (*b"DE", 51, 10, 340), (*b"DJ", 12, 43, 90), (*b"DK", 56, 10, 110), (*b"DM", 15, -61, 20),
    (*b"DO", 19, -71, 130), (*b"DZ", 28, 3, 860), (*b"EC", -1, -78, 290), (*b"EE", 59, 26, 120),
    (*b"EG", 26, 30, 570), (*b"EH", 24, -12, 180), (*b"ER", 15, 39, 200), (*b"ES", 40, -4, 400),
    (*b"ET", 9, 40, 610), (*b"FI", 64, 26, 330), (*b"FJ", -17, 178, 80), (*b"FK", -52, -59, 60),
    (*b"FM", 8, 153, 20), (*b"FO", 62, -7, 20), (*b"FR", 47, 2, 420), (*b"GA", -1, 12, 290),
    (*b"GB", 54, -2, 270), (*b"GD", 12, -62, 10), (*b"GE", 42, 44, 150), (*b"GG", 49, -3, 10),
    (*b"GH", 8, -1, 280), (*b"GL", 73, -42, 830), (*b"GM", 13, -15, 60), (*b"GN", 10, -11, 280),
    (*b"GQ", 2, 10, 90), (*b"GR", 39, 23, 190), (*b"GS", -54, -37, 40), (*b"GT", 16, -90, 190),
    (*b"GU", 13, 145, 20), (*b"GW", 12, -15, 100), (*b"GY", 5, -59, 260), (*b"HK", 22, 114, 20),
    (*b"HM", -53, 74, 20), (*b"HN", 15, -87, 190), (*b"HR", 45, 16, 130), (*b"HT", 19, -73, 100),
    (*b"HU", 47, 19, 180), (*b"ID", -2, 117, 730), (*b"IE", 53, -8, 150), (*b"IL", 31, 35, 90),
    (*b"IM", 54, -5, 20), (*b"IN", 23, 80, 1010), (*b"IO", -7, 72, 10), (*b"IQ", 33, 44, 380),
    (*b"IR", 33, 54, 720), (*b"IS", 65, -19, 180), (*b"IT", 43, 12, 290), (*b"JE", 49, -2, 10),
    (*b"JM", 18, -77, 60), (*b"JO", 31, 37, 170), (*b"JP", 38, 139, 320), (*b"KE", 1, 38, 440),
    (*b"KG", 41, 75, 260), (*b"KH", 13, 105, 250), (*b"KI", 2, -158, 20), (*b"KM", -12, 44, 30),
    (*b"KN", 17, -63, 10), (*b"KP", 40, 127, 200), (*b"KR", 36, 128, 180), (*b"KW", 29, 48, 80),
    (*b"KY", 19, -81, 10), (*b"KZ", 48, 67, 930), (*b"LA", 18, 104, 270), (*b"LB", 34, 36, 60),
    (*b"LC", 14, -61, 20), (*b"LI", 47, 10, 10), (*b"LK", 8, 81, 150), (*b"LR", 6, -9, 180),
    (*b"LS", -30, 28, 100), (*b"LT", 55, 24, 150), (*b"LU", 50, 6, 30), (*b"LV", 57, 25, 150),
    (*b"LY", 27, 18, 720), (*b"MA", 30, -9, 440), (*b"MC", 44, 7, 10), (*b"MD", 47, 28, 110),
    (*b"ME", 43, 19, 70), (*b"MF", 18, -63, 10), (*b"MG", -19, 47, 440), (*b"MH", 7, 170, 10),
    (*b"MK", 42, 22, 90), (*b"ML", 17, -4, 640), (*b"MM", 21, 96, 460), (*b"MN", 47, 103, 710),
    (*b"MO", 22, 114, 10), (*b"MP", 16, 146, 20), (*b"MR", 20, -10, 580), (*b"MS", 17, -62, 10),
    (*b"MT", 36, 14, 10), (*b"MU", -20, 58, 30), (*b"MV", 4, 73, 10), (*b"MW", -13, 34, 200),
    (*b"MX", 24, -102, 790), (*b"MY", 4, 110, 330), (*b"MZ", -17, 36, 510), (*b"NA", -22, 17, 520),
    (*b"NC", -21, 165, 80), (*b"NE", 17, 9, 620), (*b"NF", -29, 168, 10), (*b"NG", 10, 8, 540),
    (*b"NI", 13, -85, 210), (*b"NL", 52, 6, 110), (*b"NO", 64, 12, 320), (*b"NP", 28, 84, 220),
    (*b"NR", -1, 167, 10), (*b"NU", -19, -170, 10), (*b"NZ", -42, 173, 290), (*b"OM", 21, 56, 320),
    (*b"PA", 9, -80, 160), (*b"PE", -9, -74, 650), (*b"PF", -14, -146, 30), (*b"PG", -7, 144, 360),
    (*b"PH", 12, 123, 260), (*b"PK", 30, 69, 530), (*b"PL", 52, 19, 320), (*b"PM", 47, -56, 10),
    (*b"PN", -24, -128, 10), (*b"PR", 18, -66, 60), (*b"PS", 32, 35, 50), (*b"PT", 40, -8, 170),
    (*b"PW", 8, 135, 20), (*b"PY", -23, -58, 360), (*b"QA", 25, 51, 60), (*b"RO", 46, 25, 280),
    (*b"RS", 44, 21, 160), (*b"RU", 66, 96, 2300), (*b"RW", -2, 30, 90), (*b"SA", 24, 45, 790),
    (*b"SB", -9, 160, 90), (*b"SC", -5, 55, 10), (*b"SD", 16, 30, 780), (*b"SE", 62, 16, 380),
    (*b"SG", 1, 104, 20), (*b"SH", -12, -10, 10), (*b"SI", 46, 15, 90), (*b"SK", 49, 19, 130),
    (*b"SL", 9, -12, 160), (*b"SM", 44, 12, 10), (*b"SN", 14, -14, 260), (*b"SO", 5, 46, 390),
    (*b"SR", 4, -56, 220), (*b"SS", 7, 30, 450), (*b"ST", 0, 7, 20), (*b"SV", 14, -89, 90),
    (*b"SX", 18, -63, 10), (*b"SY", 35, 38, 250), (*b"SZ", -27, 31, 80), (*b"TC", 22, -72, 20),
    (*b"TD", 15, 19, 640), (*b"TF", -49, 69, 50), (*b"TG", 9, 1, 140), (*b"TH", 15, 101, 410),
    (*b"TJ", 39, 71, 220), (*b"TL", -9, 126, 70), (*b"TM", 39, 59, 390), (*b"TN", 34, 10, 230),
    (*b"TO", -20, -175, 20), (*b"TR", 39, 35, 500), (*b"TT", 10, -61, 40), (*b"TW", 24, 121, 110),
    (*b"TZ", -6, 35, 550), (*b"UA", 49, 31, 430), (*b"UG", 1, 32, 280), (*b"US", 40, -99, 1590),
    (*b"UY", -33, -56, 240), (*b"UZ", 42, 63, 380), (*b"VA", 42, 12, 10), (*b"VC", 13, -61, 10),
    (*b"VE", 7, -66, 540), (*b"VG", 19, -64, 10), (*b"VI", 18, -65, 10), (*b"VN", 17, 106, 330),
    (*b"VU", -16, 167, 50), (*b"WF", -14, -177, 10), (*b"WS", -14, -172, 30), (*b"YE", 16, 48, 380),
    (*b"ZA", -29, 25, 630), (*b"ZM", -13, 28, 500), (*b"ZW", -19, 30, 360),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn km(from: &str, to: &str) -> f64 {
        let (from, to) = (country(from).unwrap(), country(to).unwrap());
        speed(from, to, 3_600_000_000)
    }

    #[test]
    fn countries_are_in_order_and_found_in_either_case() {
        assert!(COUNTRIES.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(country("ru"), country("RU"));
        for none in ["", "XX", "RUS", "Я", "R\u{301}"] {
            assert_eq!(country(none), None, "{none}");
        }
    }

    #[test]
    fn neighbours_touch_and_others_are_about_as_far_as_a_flight_is_long() {
        for (from, to) in [("RU", "KZ"), ("DE", "FR"), ("RU", "CN"), ("US", "CA")] {
            assert!(km(from, to) < 200.0, "{from} {to}: {}", km(from, to));
        }
        for (from, to, least, most) in [
            ("RU", "VN", 2_000.0, 6_700.0),
            ("DE", "BR", 6_000.0, 9_500.0),
            ("GB", "AU", 12_000.0, 17_000.0),
            ("SG", "JP", 4_500.0, 5_400.0),
        ] {
            let far = km(from, to);
            assert!((least..=most).contains(&far), "{from} {to}: {far}");
            assert!((far - km(to, from)).abs() < 1e-6);
        }
    }

    #[test]
    fn a_moment_is_a_minute() {
        let (from, to) = (country("DE").unwrap(), country("BR").unwrap());
        assert!((speed(from, to, 0) - speed(from, to, 60_000_000)).abs() < 1e-6);
        assert!(speed(from, u64::MAX, 1).abs() < 1e-6);
    }
}
