//! What the detectors say of themselves.

use std::sync::Arc;

use uuid::Uuid;

use crate::sigma::{Level, RuleMeta};

pub(super) const GAP: Uuid = Uuid::from_u128(0x0d5c_2a4e_6c0f_4f57_9c1e_35d1_4f7b_a001);
pub(super) const DOUBLED: Uuid = Uuid::from_u128(0x0d5c_2a4e_6c0f_4f57_9c1e_35d1_4f7b_a002);
pub(super) const QUIET: Uuid = Uuid::from_u128(0x0d5c_2a4e_6c0f_4f57_9c1e_35d1_4f7b_a003);
pub(super) const LATENCY: Uuid = Uuid::from_u128(0x0d5c_2a4e_6c0f_4f57_9c1e_35d1_4f7b_a004);
pub(super) const BURN_FAST: Uuid = Uuid::from_u128(0x0d5c_2a4e_6c0f_4f57_9c1e_35d1_4f7b_a005);
pub(super) const BURN_SLOW: Uuid = Uuid::from_u128(0x0d5c_2a4e_6c0f_4f57_9c1e_35d1_4f7b_a006);
pub(super) const TRAFFIC: Uuid = Uuid::from_u128(0x0d5c_2a4e_6c0f_4f57_9c1e_35d1_4f7b_a007);
pub(super) const RUN_MISSED: Uuid = Uuid::from_u128(0x0d5c_2a4e_6c0f_4f57_9c1e_35d1_4f7b_a008);
pub(super) const RUN_DOUBLED: Uuid = Uuid::from_u128(0x0d5c_2a4e_6c0f_4f57_9c1e_35d1_4f7b_a009);
pub(super) const RUN_SHORT: Uuid = Uuid::from_u128(0x0d5c_2a4e_6c0f_4f57_9c1e_35d1_4f7b_a00a);
pub(super) const RUN_CONTENT: Uuid = Uuid::from_u128(0x0d5c_2a4e_6c0f_4f57_9c1e_35d1_4f7b_a00b);
pub(super) const FALL: Uuid = Uuid::from_u128(0x0d5c_2a4e_6c0f_4f57_9c1e_35d1_4f7b_a00c);
pub(super) const RISE: Uuid = Uuid::from_u128(0x0d5c_2a4e_6c0f_4f57_9c1e_35d1_4f7b_a00d);
pub(super) const FAILING: Uuid = Uuid::from_u128(0x0d5c_2a4e_6c0f_4f57_9c1e_35d1_4f7b_a00e);

/// A detector in both languages.
struct Texts {
    id: Uuid,
    family: &'static str,
    level: Level,
    tags: &'static [&'static str],
    title: [&'static str; 2],
    description: [&'static str; 2],
    false_positives: [&'static [&'static str]; 2],
    advice: [&'static str; 2],
}

/// All of them.
pub(in crate::track) fn metas() -> Vec<Arc<RuleMeta>> {
    DETECTORS.iter().map(meta).collect()
}

fn meta(texts: &Texts) -> Arc<RuleMeta> {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Arc::new(RuleMeta {
        id: texts.id,
        title: texts.title[0].to_owned(),
        title_ru: Some(texts.title[1].to_owned()),
        description: texts.description[0].to_owned(),
        description_ru: Some(texts.description[1].to_owned()),
        family: texts.family.to_owned(),
        level: texts.level,
        tags: owned(texts.tags),
        false_positives: owned(texts.false_positives[0]),
        false_positives_ru: owned(texts.false_positives[1]),
        advice: Some(texts.advice[0].to_owned()),
        advice_ru: Some(texts.advice[1].to_owned()),
        entity: None,
        shadow: false,
    })
}

const DETECTORS: &[Texts] = &[
    Texts {
        id: GAP,
        family: "journal",
        level: Level::High,
        tags: &["requirement.sec-05", "attack.t1562"],
        title: [
            "Records of a gateway are missing",
            "Пропали записи журнала шлюза",
        ],
        description: [
            "The gateway numbers its records, and some numbers never came although later ones did. Calls were made of which there \
                      is no trace here: records were lost on their way, or taken out.",
            "Шлюз нумерует записи, и часть номеров не пришла, хотя более поздние есть. Были вызовы, от которых здесь нет следа: записи потеряны по пути или изъяты.",
        ],
        false_positives: [
            &["A topic whose older records were deleted before they were read, at the first start"],
            &["Топик, старые записи которого удалены до чтения, при первом запуске"],
        ],
        advice: [
            "Look for the missing numbers on the gateway itself; check its log shipper, its disk and the retention of the topic. Ship them again.",
            "Найдите недостающие номера на самом шлюзе; проверьте отправку журнала, диск и срок хранения топика. Отправьте записи повторно.",
        ],
    },
    Texts {
        id: DOUBLED,
        family: "journal",
        level: Level::High,
        tags: &["requirement.sec-05", "attack.t1036"],
        title: [
            "Two gateways write under one name",
            "Два шлюза ведут журнал под одним именем",
        ],
        description: [
            "Running numbers of one gateway come twice for minutes, or two rows of numbers go on side by side. A second gateway was \
                      set up with the name of the first, or somebody writes records in its name; gaps cannot be told meanwhile.",
            "Порядковые номера одного шлюза минутами приходят дважды, или рядом идут два ряда номеров. Второй шлюз настроен под именем первого, или кто-то пишет записи от его имени; пропуски тем временем не видны.",
        ],
        false_positives: [
            &["A log shipper that sends everything twice"],
            &["Отправка журнала, которая передаёт всё дважды"],
        ],
        advice: [
            "Find out which hosts write under this name, and give each a name of its own. A host that nobody knows is an incident.",
            "Выясните, какие узлы пишут под этим именем, и дайте каждому своё. Неизвестный узел означает инцидент.",
        ],
    },
    Texts {
        id: QUIET,
        family: "journal",
        level: Level::High,
        tags: &["requirement.sec-05", "attack.t1562"],
        title: [
            "A gateway has fallen silent, or nearly so",
            "Шлюз замолчал или почти замолчал",
        ],
        description: [
            "Ten minutes have brought less than a fifth of the records that the hour before lets expect, while others went on. The \
                      gateway is down, its traffic goes elsewhere, or its journal no longer arrives.",
            "За десять минут пришло меньше пятой части записей, ожидаемых по прошлому часу, а другие шлюзы работали. Шлюз не работает, его трафик идёт мимо, или его журнал больше не доходит.",
        ],
        false_positives: [
            &["A gateway that was taken out of service"],
            &["Шлюз, выведенный из работы"],
        ],
        advice: [
            "See whether the gateway serves calls. If it does, its journal is lost from this time on: mend the log shipper first.",
            "Проверьте, обслуживает ли шлюз вызовы. Если да, его журнал с этого момента теряется: прежде всего восстановите отправку.",
        ],
    },
    Texts {
        id: LATENCY,
        family: "service-level",
        level: Level::Medium,
        tags: &["requirement.int-08"],
        title: [
            "An operation has become much slower",
            "Операция стала намного медленнее",
        ],
        description: [
            "The calls of the last ten minutes take far longer than those of the day before: the median has at least doubled, and \
                      nearly each call is slower.",
            "Вызовы последних десяти минут идут намного дольше, чем за прошлые сутки: медиана выросла хотя бы вдвое, и медленнее почти каждый вызов.",
        ],
        false_positives: [
            &["A release that does more work in a call, as intended"],
            &["Релиз, в котором вызов намеренно делает больше"],
        ],
        advice: [
            "Compare with the latest release and with the load; ask the partner when the time is spent at its side.",
            "Сравните с последним релизом и нагрузкой; обратитесь к партнёру, если время уходит на его стороне.",
        ],
    },
    Texts {
        id: BURN_FAST,
        family: "service-level",
        level: Level::High,
        tags: &["requirement.int-08"],
        title: [
            "A service level is being broken fast",
            "Быстро нарушается уровень обслуживания",
        ],
        description: [
            "So many calls fail or are slow that the error budget of thirty days would be gone within days. Both a long and a short \
                      window say so, so it matters and still goes on.",
            "Отказов и медленных вызовов столько, что бюджет ошибок тридцати дней будет израсходован за считаные дни. Это показывают и длинное, и короткое окно: нарушение серьёзно и продолжается.",
        ],
        false_positives: [&["Maintenance that was announced"], &["Объявленные работы"]],
        advice: [
            "Look which operations fail and how; switch to the fallback of the contract and call the partner.",
            "Посмотрите, какие операции отказывают и как; перейдите на резервный вариант по договору и свяжитесь с партнёром.",
        ],
    },
    Texts {
        id: BURN_SLOW,
        family: "service-level",
        level: Level::Medium,
        tags: &["requirement.int-08"],
        title: [
            "A service level will not be kept",
            "Уровень обслуживания не будет выдержан",
        ],
        description: [
            "For three days calls have failed or been slow at a rate that uses up the error budget of thirty days before they are \
                      over.",
            "Три дня вызовы отказывают или идут медленно с такой частотой, что бюджет ошибок тридцати дней кончится раньше срока.",
        ],
        false_positives: [
            &["A level that was promised too high"],
            &["Обещан слишком высокий уровень"],
        ],
        advice: [
            "No hurry tonight: find the cause with the partner this week, or agree on another level.",
            "Срочности нет: найдите причину вместе с партнёром на этой неделе или согласуйте другой уровень.",
        ],
    },
    Texts {
        id: TRAFFIC,
        family: "service-level",
        level: Level::High,
        tags: &["requirement.int-08", "requirement.sec-05"],
        title: [
            "Fewer calls of an integration than there have to be",
            "Вызовов интеграции меньше, чем должно быть",
        ],
        description: [
            "The contract says how many calls come at least, and fewer came. The partner is down, or its calls do not arrive.",
            "В контракте сказано, сколько вызовов приходит самое меньшее, а пришло меньше. Партнёр не работает, или его вызовы не доходят.",
        ],
        false_positives: [&["A holiday of the partner"], &["Выходной у партнёра"]],
        advice: [
            "Ask the partner; see whether its calls stop at the network or at the gateway.",
            "Свяжитесь с партнёром; проверьте, не останавливаются ли его вызовы в сети или на шлюзе.",
        ],
    },
    Texts {
        id: RUN_MISSED,
        family: "schedule",
        level: Level::High,
        tags: &["requirement.int-03"],
        title: [
            "A scheduled synchronisation has not begun",
            "Плановая синхронизация не началась",
        ],
        description: [
            "The run that the contract schedules did not begin within its tolerance, or began late. Both sides differ until the next \
                      one: who moved out may still be let in.",
            "Запуск, назначенный контрактом, не начался в пределах допуска или начался с опозданием. До следующего запуска данные сторон расходятся: выехавшего жильца могут всё ещё впускать.",
        ],
        false_positives: [&["Maintenance that was announced"], &["Объявленные работы"]],
        advice: [
            "See whether the scheduler runs; start the synchronisation by hand and compare the counts of both sides.",
            "Проверьте планировщик; запустите синхронизацию вручную и сравните количество записей на обеих сторонах.",
        ],
    },
    Texts {
        id: RUN_DOUBLED,
        family: "schedule",
        level: Level::Medium,
        tags: &["requirement.int-03"],
        title: [
            "A synchronisation beside its schedule",
            "Синхронизация вне расписания",
        ],
        description: [
            "A run began where the schedule has none, or went on for longer than it may. Two runs at once may undo each other; a run \
                      that nobody planned may be somebody who reads everything.",
            "Запуск начался вне расписания или длился дольше допустимого. Два запуска сразу могут отменить изменения друг друга; запуск, которого никто не планировал, может означать, что кто-то читает всё подряд.",
        ],
        false_positives: [
            &["A run that was started by hand to catch up"],
            &["Запуск вручную, чтобы наверстать"],
        ],
        advice: [
            "Ask who started it; see from which client and address it came.",
            "Выясните, кто её запустил, с какого клиента и адреса.",
        ],
    },
    Texts {
        id: RUN_SHORT,
        family: "schedule",
        level: Level::Medium,
        tags: &["requirement.int-03"],
        title: [
            "A synchronisation ended with too few records",
            "Синхронизация завершилась со слишком малым числом записей",
        ],
        description: [
            "The run carried fewer records than the contract says one has at least: it broke off, or the source has lost records.",
            "Запуск перенёс меньше записей, чем контракт требует самое меньшее: он прервался, или источник потерял записи.",
        ],
        false_positives: [
            &["A day on which hardly anything changed"],
            &["День, когда почти ничего не изменилось"],
        ],
        advice: [
            "Compare the counts of both sides; run it again.",
            "Сравните количество записей на обеих сторонах; запустите повторно.",
        ],
    },
    Texts {
        id: RUN_CONTENT,
        family: "schedule",
        level: Level::High,
        tags: &["requirement.int-03", "requirement.sec-06", "attack.t1485"],
        title: [
            "A synchronisation carries or deletes far too much",
            "Синхронизация переносит или удаляет слишком много",
        ],
        description: [
            "The run carried more records, or deleted more, than the contract allows: a fault at the source that empties the other \
                      side, or an export under the cover of the synchronisation.",
            "Запуск перенёс или удалил больше записей, чем разрешает контракт: сбой источника, опустошающий другую сторону, или выгрузка под видом синхронизации.",
        ],
        false_positives: [
            &[
                "A backfill after an outage",
                "A new complex that is taken in at once",
            ],
            &[
                "Догрузка данных после сбоя",
                "Новый комплекс, принятый целиком",
            ],
        ],
        advice: [
            "Stop the run until somebody has looked; keep a copy of the other side before it goes on.",
            "Остановите синхронизацию до проверки; перед продолжением сохраните копию данных другой стороны.",
        ],
    },
    Texts {
        id: FALL,
        family: "volume",
        level: Level::Medium,
        tags: &["requirement.int-08", "requirement.sec-05", "attack.t1499"],
        title: [
            "Far fewer calls than this hour of the week lets expect",
            "Вызовов намного меньше, чем бывает в этот час недели",
        ],
        description: [
            "The calls of an integration, or of one of its operations, have fallen below a fifth of what its own weeks lets expect, for long enough to be no chance; it may be silent. \
                      The partner cannot reach the gateway, its traffic goes another way, or its part of the journal does not arrive.",
            "Вызовы интеграции или одной её операции упали ниже пятой части ожидаемого по её прошлым неделям и держатся так дольше, чем бывает случайно; возможна полная тишина. Партнёр не может обратиться к шлюзу, его трафик идёт мимо, или его часть журнала не доходит.",
        ],
        false_positives: [
            &[
                "Maintenance at the partner that was agreed",
                "A holiday that `track.holidays` does not name",
                "An operation that was replaced by another",
            ],
            &[
                "Согласованные работы у партнёра",
                "Праздник, не указанный в `track.holidays`",
                "Операция, заменённая другой",
            ],
        ],
        advice: [
            "Ask the partner whether calls are sent. Look at refused and failed calls just before: an expired certificate or token, or a new rule of the firewall, ends traffic at once.",
            "Спросите партнёра, отправляются ли вызовы. Посмотрите отклонённые и неудачные вызовы перед этим: истёкший сертификат или токен, новое правило межсетевого экрана обрывают трафик сразу.",
        ],
    },
    Texts {
        id: RISE,
        family: "volume",
        level: Level::Medium,
        tags: &[
            "requirement.sec-06",
            "requirement.sec-08",
            "owasp.api4",
            "attack.t1499",
        ],
        title: [
            "Far more calls than this hour of the week lets expect",
            "Вызовов намного больше, чем бывает в этот час недели",
        ],
        description: [
            "The calls of an integration, or of one of its operations, have been five times what its own weeks let expect, for long enough to be no chance. Many callers together may do what none \
                      of them does alone: a distributed flood, an operation that was found and is being harvested.",
            "Вызовов интеграции или одной её операции впятеро больше ожидаемого по её прошлым неделям, и дольше, чем бывает случайно. Многие вызывающие вместе могут делать то, чего ни один не делает заметно: распределённый флуд, выгрузка через найденную операцию.",
        ],
        false_positives: [
            &["A campaign or a release that brings more calls for good"],
            &["Акция или выпуск, после которых вызовов станет больше надолго"],
        ],
        advice: [
            "See which clients and networks the additional calls come from, and whether they are answered. Spread over many new ones it is an attack: limit the operation, not the client.",
            "Посмотрите, от каких клиентов и сетей идут лишние вызовы и как на них отвечают. Если они разбросаны по многим новым, это атака: ограничивайте операцию, а не клиента.",
        ],
    },
    Texts {
        id: FAILING,
        family: "errors",
        level: Level::Medium,
        tags: &["requirement.int-08", "requirement.int-07"],
        title: [
            "Far more calls fail than did",
            "Вызовы завершаются ошибкой намного чаще, чем раньше",
        ],
        description: [
            "A tenth or more of the calls of the last minutes were answered with 5xx, where hardly any of the day before were: of a whole integration where several of its operations fail, else of one \
                      operation. What stands behind the gateway is down or overloaded, a release broke it, or somebody sends what it cannot take.",
            "На десятую часть вызовов последних минут или больше дан ответ 5xx, хотя сутками раньше ошибок почти не было: у всей интеграции, если ошибки дают несколько её операций, иначе у одной операции. Сервис за шлюзом не работает или перегружен, его сломал выпуск, или кто-то шлёт то, чего он не выдерживает.",
        ],
        false_positives: [
            &["Maintenance of the service behind the gateway"],
            &["Обслуживание сервиса за шлюзом"],
        ],
        advice: [
            "See whether all callers fail or one does. If one: look at what it sends, it may be probing for a fault. If all: the owner of the service has to know.",
            "Посмотрите, ошибки у всех вызывающих или у одного. Если у одного, изучите его запросы: он может искать уязвимость. Если у всех, сообщите владельцу сервиса.",
        ],
    },
];
