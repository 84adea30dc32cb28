//! What the detector says of itself.

use std::sync::Arc;

use uuid::Uuid;

use crate::sigma::{Level, RuleMeta};

/// Id of the detector; findings carry it as their rule.
pub(super) const SERIES: Uuid = Uuid::from_u128(0x1f0a_8c57_92d6_4b3e_a4f1_6e0b_7d25_c918);

pub(in crate::track) fn metas() -> Vec<Arc<RuleMeta>> {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    vec![Arc::new(RuleMeta {
        id: SERIES,
        title: "A watched number is unlike its past".to_owned(),
        title_ru: Some("Наблюдаемый показатель не похож на прежний".to_owned()),
        description: "A number that the configuration names, such as records read or the share of failed calls of an integration, takes a course, a level or a \
                      spread that it never had: a spike, a drop, silence, a rhythm that breaks."
            .to_owned(),
        description_ru: Some(
            "Показатель, названный в настройках, например число прочитанных записей или доля неудачных вызовов интеграции, ведёт себя как никогда раньше: ход, уровень или разброс; всплеск, провал, тишина, сбитый ритм."
                .to_owned(),
        ),
        family: "series".to_owned(),
        level: Level::Medium,
        tags: owned(&["requirement.sec-06", "requirement.int-08", "attack.t1498"]),
        false_positives: owned(&[
            "A release, a campaign or a holiday that changes how many calls come",
            "A new partner that begins to call",
        ]),
        false_positives_ru: owned(&[
            "Релиз, акция или праздник, меняющие число вызовов",
            "Новый партнёр, который начинает вызывать",
        ]),
        advice: Some(
            "Compare with the other numbers of the integration: calls, failures, records. Look which operations and clients made the difference, and whether somebody announced it."
                .to_owned(),
        ),
        advice_ru: Some(
            "Сравните с другими показателями интеграции: вызовами, отказами, записями. Посмотрите, какие операции и клиенты изменились и было ли это объявлено."
                .to_owned(),
        ),
        entity: None,
        shadow: false,
    })]
}
