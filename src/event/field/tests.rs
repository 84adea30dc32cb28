//! The inventory holds together.

use super::*;

#[test]
fn native_json_borrows_from_the_record() {
    let record = r#"{"time":"2026-03-01T10:00:00Z","path":"/residents/1","roles":["concierge"],"status":200}"#;
    let event: Event = serde_json::from_str(record).unwrap();
    assert!(matches!(
        event.path.clone().unwrap().into_cow(),
        std::borrow::Cow::Borrowed("/residents/1")
    ));
    assert!(matches!(event.get(Field::Status), Some(Value::Number(200))));
    assert!(
        matches!(event.get(Field::Roles), Some(Value::List([role])) if role.as_str() == "concierge")
    );
    assert!(event.get(Field::Scopes).is_none());
}

#[test]
fn a_visit_sees_what_the_slots_hold() {
    let record = r#"{"time":0,"path":"/a","roles":["x"],"status":200,"client_address":"10.0.0.1"}"#;
    let event: Event = serde_json::from_str(record).unwrap();
    let mut seen = Vec::new();
    event.for_each_present(|field, value| {
        let held = event.get(field).unwrap();
        assert_eq!(format!("{value:?}"), format!("{held:?}"));
        seen.push(field);
    });
    let expected = [
        Field::Path,
        Field::Status,
        Field::ClientAddress,
        Field::Roles,
    ];
    assert_eq!(seen, expected);
}

#[test]
fn every_name_leads_back_to_its_field() {
    for field in Field::ALL {
        assert_eq!(
            Field::from_name(field.name()),
            Some(*field),
            "{}",
            field.name()
        );
        for alias in field.sigma_names() {
            assert_eq!(Field::from_name(alias), Some(*field), "{alias}");
        }
    }
}
