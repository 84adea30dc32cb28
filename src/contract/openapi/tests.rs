use super::*;

const DOCUMENT: &str = r##"
openapi: 3.0.3
info: {title: Plates, version: "1"}
servers: [{url: https://api.example.org/v1/}]
paths:
  /plates:
    parameters: [{in: query, name: page}]
    get:
      parameters: [{in: query, name: since}, {in: header, name: X-Trace}]
      responses:
        200:
          content:
            application/json:
              schema: {type: array, items: {$ref: "#/components/schemas/Plate"}}
        default: {$ref: "#/components/responses/Problem"}
    post:
      requestBody: {$ref: "#/components/requestBodies/Plate"}
      responses: {201: {description: made}}
  /plates/{plate}:
    delete: {responses: {204: {description: gone}}}
    patch:
      requestBody: {content: {application/json: {schema: {type: object, additionalProperties: true, properties: {a: {type: string}}}}}}
      responses: {200: {content: {text/plain: {schema: {type: string}}}}}
components:
  requestBodies:
    Plate: {content: {application/json: {schema: {$ref: "#/components/schemas/Plate"}}}}
  responses:
    Problem: {description: d, content: {application/problem+json: {schema: {type: object, properties: {title: {type: string}}}}}}
  schemas:
    Plate:
      allOf:
        - {type: object, properties: {plate: {type: string}, owner: {$ref: "#/components/schemas/Person"}}}
        - {type: object, properties: {until: {type: string}}}
    Person:
      type: object
      additionalProperties: false
      properties: {flat: {type: integer}, friend: {$ref: "#/components/schemas/Person"}}
"##;

fn names(list: Option<&BTreeSet<String>>) -> Option<String> {
    list.map(|names| names.iter().cloned().collect::<Vec<_>>().join(" "))
}

fn described(text: &str, base: Option<&str>) -> Vec<(String, Option<String>, Option<String>)> {
    let found =
        read(Path::new("api.yaml"), text, base).unwrap_or_else(|errors| panic!("{errors:?}"));
    found
        .into_iter()
        .map(|it| {
            (
                it.name,
                names(it.sends.as_ref()),
                names(it.receives.as_ref()),
            )
        })
        .collect()
}

fn fault(from: &str, to: &str) -> String {
    let text = DOCUMENT.replacen(from, to, 1);
    assert_ne!(text, DOCUMENT, "{from}");
    let errors = read(Path::new("api.yaml"), &text, None).unwrap_err();
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn operations_have_the_fields_of_their_schemas() {
    let some = |text: &str| Some(text.to_owned());
    let expected = [
        (
            "GET /v1/plates",
            some("page since"),
            some("flat friend owner plate title until"),
        ),
        (
            "POST /v1/plates",
            some("flat friend owner page plate until"),
            some(""),
        ),
        ("DELETE /v1/plates/{plate}", some(""), some("")),
        ("PATCH /v1/plates/{plate}", None, some("")),
    ];
    let expected = expected.map(|(name, sends, receives)| (name.to_owned(), sends, receives));
    assert_eq!(described(DOCUMENT, None), expected);
}

#[test]
fn json_is_read_like_yaml_and_a_base_takes_the_place_of_the_server() {
    let documents = yaml::parse(DOCUMENT).unwrap();
    let json = serde_json::to_string_pretty(&documents[0].to_json()).unwrap();
    assert_eq!(described(&json, None), described(DOCUMENT, None));
    let moved = described(DOCUMENT, Some("/partner/v2/"));
    assert_eq!(moved[0].0, "GET /partner/v2/plates");
    let newer = DOCUMENT.replace("openapi: 3.0.3", "openapi: 3.1.0");
    assert_eq!(described(&newer, None), described(DOCUMENT, None));
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (from, to, wanted) in [
        ("openapi: 3.0.3", "openapi: 2.9", "OpenAPI 2.9 is not read"),
        (
            "openapi: 3.0.3",
            "swagger: '2.0'",
            "Swagger 2.0 is not read",
        ),
        ("openapi: 3.0.3", "title: x", "no OpenAPI document"),
        (
            "  /plates:\n",
            "  plates:\n",
            "api.yaml:6:3: a path begins with `/`",
        ),
        (
            "#/components/requestBodies/Plate",
            "other.yaml#/Plate",
            "`other.yaml#/Plate` leads nowhere",
        ),
        (
            "https://api.example.org/v1/}",
            "'https://api.example.org/{stage}'}",
            "has a variable in its path",
        ),
        ("paths:", "ways:", "the document has no operation"),
        (
            "additionalProperties: false",
            "$ref: '#/components/schemas/Person'",
            "references lead round in a circle",
        ),
    ] {
        let told = fault(from, to);
        assert!(told.contains(wanted), "{wanted}\nin\n{told}");
    }
}

#[test]
fn a_deep_document_is_read_in_bounded_time() {
    use std::fmt::Write;
    let mut text = String::from(
        "openapi: 3.1.0\npaths: {/a: {post: {requestBody: {content: {json: {schema: {$ref: '#/components/schemas/s0'}}}}}}}\ncomponents:\n  schemas:\n",
    );
    for number in 0..400 {
        let next = number + 1;
        let _ = writeln!(
            text,
            "    s{number}: {{properties: {{a{number}: {{$ref: '#/components/schemas/s{next}'}}, b: {{$ref: '#/components/schemas/s{next}'}}}}}}"
        );
    }
    text.push_str("    s400: {type: string}\n");
    assert_eq!(
        described(&text, None),
        [("POST /a".to_owned(), None, Some(String::new()))],
        "too deep to say"
    );
}
