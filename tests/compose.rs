//! The Docker stack hangs together: the Compose schema, the files that it mounts, the secrets that it needs, and the
//! configuration that gatewatch reads in it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use gatewatch::access::Vault;
use serde_json::Value;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn compose() -> Value {
    let text = std::fs::read_to_string(root().join("docker-compose.yml")).expect("readable");
    serde_saphyr::from_str(&text).expect("docker-compose.yml is YAML")
}

/// The file as Compose sees it: merge keys resolved, extensions gone.
fn services(compose: &Value) -> Vec<(&str, &Value)> {
    compose["services"]
        .as_object()
        .expect("the file has services")
        .iter()
        .map(|(name, service)| (name.as_str(), service))
        .collect()
}

fn strings(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

#[test]
fn the_file_is_valid_by_the_compose_schema() {
    let schema = std::fs::read_to_string(root().join("tests/compose/compose-spec.json"))
        .expect("the schema is readable");
    let schema: Value = serde_json::from_str(&schema).expect("the schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("the schema is a schema");
    let compose = compose();
    let errors: Vec<String> = validator
        .iter_errors(&compose)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

#[test]
fn the_schema_refuses_what_compose_would() {
    let schema = std::fs::read_to_string(root().join("tests/compose/compose-spec.json"))
        .expect("the schema is readable");
    let schema: Value = serde_json::from_str(&schema).expect("the schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("the schema is a schema");
    let mut compose = compose();
    compose["services"]["kafka"]["imagee"] = Value::from("x");
    assert!(!validator.is_valid(&compose));
}

#[test]
fn images_are_pinned_and_ports_stay_on_loopback() {
    let compose = compose();
    for (name, service) in services(&compose) {
        let image = service["image"]
            .as_str()
            .expect("every service names its image");
        let tag = image.rsplit_once(':').map_or("latest", |(_, tag)| tag);
        assert!(
            tag.starts_with(|c: char| c.is_ascii_digit() || c == 'v'),
            "{name}: {image}"
        );
        for port in strings(&service["ports"]) {
            assert!(port.starts_with("127.0.0.1:"), "{name} publishes {port}");
        }
    }
}

#[test]
fn our_own_container_is_hardened() {
    let compose = compose();
    let service = &compose["services"]["gatewatch"];
    assert_eq!(service["read_only"], true, "merge keys are resolved");
    assert_eq!(strings(&service["cap_drop"]), ["ALL"]);
    let dockerfile = std::fs::read_to_string(root().join("Dockerfile")).expect("readable");
    let last_stage = dockerfile.rsplit("\nFROM ").next().expect("a last stage");
    assert!(last_stage.contains("\nUSER 10001:10001\n") && last_stage.contains("\nHEALTHCHECK "));
}

#[test]
fn mounted_files_are_there() {
    let compose = compose();
    for (name, service) in services(&compose) {
        for mount in strings(&service["volumes"]) {
            let source = mount.split(':').next().expect("a mount has a source");
            if source.starts_with("./") {
                assert!(root().join(source).exists(), "{name} mounts {source}");
                assert!(mount.ends_with(":ro"), "{name} could change {source}");
            } else {
                assert!(
                    compose["volumes"].get(source).is_some(),
                    "{name}: volume {source}"
                );
            }
        }
    }
}

#[test]
fn secrets_are_declared_used_and_made() {
    let compose = compose();
    let declared: BTreeSet<&str> = compose["secrets"]
        .as_object()
        .expect("secrets")
        .keys()
        .map(String::as_str)
        .collect();
    let mut used = BTreeSet::new();
    for (_, service) in services(&compose) {
        for secret in service["secrets"].as_array().into_iter().flatten() {
            used.extend(secret.as_str().or_else(|| secret["source"].as_str()));
        }
    }
    assert_eq!(used, declared);

    let folder = tempfile::tempdir().expect("a temporary folder");
    let run_script = || {
        let output = Command::new("bash")
            .arg(root().join("deploy/secrets.sh"))
            .arg(folder.path())
            .output()
            .expect("bash runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    run_script();
    let password = std::fs::read(folder.path().join("clickhouse_password")).expect("made");
    run_script();
    let again = std::fs::read(folder.path().join("clickhouse_password")).expect("kept");
    assert_eq!(password, again, "a second run must not change a secret");
    for (name, secret) in compose["secrets"].as_object().expect("secrets") {
        let file = secret["file"].as_str().expect("secrets are files");
        let made = folder
            .path()
            .join(Path::new(file).file_name().expect("a file name"));
        assert!(
            made.metadata().is_ok_and(|file| file.len() > 0),
            "{name}: {file} is not made"
        );
    }
    let key = std::fs::read_to_string(folder.path().join("console_key")).expect("made");
    assert!(
        Vault::new(key.trim()).is_ok(),
        "the console has no use for its key"
    );
}

#[test]
fn gatewatch_reads_its_configuration_and_finds_its_parts() {
    let path = root().join("deploy/gatewatch.toml");
    let config = gatewatch::config::load(Some(&path)).expect("the configuration loads");
    let compose = compose();
    let host = config.kafka.brokers.split(':').next().expect("a host");
    assert!(
        compose["services"].get(host).is_some(),
        "no service is named {host}"
    );
    assert!(
        !config.http.listen.ip().is_loopback(),
        "nobody could reach it"
    );

    let mounted = strings(&compose["services"]["gatewatch"]["secrets"]);
    let text = std::fs::read_to_string(&path).expect("readable");
    let named: Vec<&str> = text
        .split('"')
        .filter_map(|word| word.strip_prefix("/run/secrets/"))
        .collect();
    assert!(!named.is_empty());
    for secret in named {
        assert!(
            mounted.contains(&secret),
            "the secret {secret} is not mounted"
        );
    }
}

#[test]
fn the_console_is_served_where_mails_link_to() {
    let path = root().join("deploy/gatewatch.toml");
    let config = gatewatch::config::load(Some(&path)).expect("the configuration loads");
    assert!(config.console.enabled);
    assert!(
        !config.console.listen.ip().is_loopback(),
        "nobody could reach it"
    );
    let linked = config.mail.console_url.strip_prefix("http://");
    let linked = linked.expect("plain HTTP on loopback");
    let published = format!("{linked}:{}", config.console.listen.port());
    let compose = compose();
    let ports = strings(&compose["services"]["gatewatch"]["ports"]);
    assert!(
        ports.contains(&published.as_str()),
        "{published} is not among {ports:?}"
    );
}

/// What people are told to type for the first account names a command and a file that are there.
#[test]
fn the_first_account_is_made_with_the_configuration_that_is_mounted() {
    let compose = compose();
    let mounts = strings(&compose["services"]["gatewatch"]["volumes"]);
    for page in ["docker-compose.yml", "README.md"] {
        let text = std::fs::read_to_string(root().join(page)).expect("readable");
        let line = text
            .lines()
            .find(|line| line.contains("docker compose exec gatewatch gatewatch account add"))
            .unwrap_or_else(|| panic!("{page} does not say how"));
        let config = line.split("--config ").nth(1).expect("it names the file");
        let config = config.split_whitespace().next().expect("it names the file");
        let mounted = format!("./deploy/gatewatch.toml:{config}:ro");
        assert!(mounts.contains(&mounted.as_str()), "{page}: {config}");
    }
}
