//! Somebody at the console without a browser: cookies, forms, the second factor.

use std::time::SystemTime;

use gatewatch::access::Role;
use totp_rs::{Builder, Secret};

use crate::parts::{Reply, Request};

/// The first password of every account, and what it is changed to.
pub const FIRST: &str = "first password of all";
pub const PASSWORD: &str = "ёжик ест кактус в тумане";

/// Somebody with a cookie.
#[derive(Clone)]
pub struct Visitor {
    port: u16,
    cookie: String,
    signature: String,
}

/// What stands between two texts.
pub fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    let begin = text
        .find(before)
        .unwrap_or_else(|| panic!("{before} in {text}"));
    let rest = &text[begin + before.len()..];
    &rest[..rest
        .find(after)
        .unwrap_or_else(|| panic!("{after} in {rest}"))]
}

/// The code that an authenticator with this key shows now.
pub fn code(secret: &str) -> String {
    let secret = Secret::try_from_base32(secret).unwrap();
    let totp = Builder::new().with_secret(secret).build().unwrap();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    totp.generate(now.unwrap().as_secs()).to_string()
}

/// A form as browsers send it.
pub fn form(pairs: &[(&str, &str)]) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(pairs);
    form.finish()
}

impl Visitor {
    /// Somebody who has not signed in.
    pub fn nobody(port: u16) -> Visitor {
        Visitor {
            port,
            cookie: String::new(),
            signature: String::new(),
        }
    }

    /// Somebody of a role, with everything done that the role needs.
    pub fn of(port: u16, role: Role) -> Visitor {
        let mut visitor = Visitor::nobody(port);
        let reply = visitor.sign_in(role.name(), FIRST);
        assert_eq!(reply.status, 303, "{}", reply.body);
        let reply = visitor.get("/");
        assert_eq!(reply.header("location"), "/account/password");
        visitor.read_signature("/account/password");
        let pairs = [("old", FIRST), ("new", PASSWORD), ("again", PASSWORD)];
        let reply = visitor.post("/account/password", &pairs);
        assert_eq!(
            reply.header("location"),
            "/account?done=1",
            "{}",
            reply.body
        );
        visitor.keep(&reply);
        visitor.read_signature("/account");
        if role.needs_second_factor() {
            assert_eq!(
                visitor.get("/").header("location"),
                "/account/second-factor"
            );
            visitor.enrol();
        }
        let reply = visitor.get("/");
        assert_eq!(reply.status, 200, "{}", reply.body);
        visitor
    }

    /// Somebody of a role, who may have been here before without a second factor.
    #[allow(dead_code, reason = "for the benchmark")]
    pub fn again(port: u16, role: Role) -> Visitor {
        let mut visitor = Visitor::nobody(port);
        if visitor.sign_in(role.name(), PASSWORD).status == 303 {
            return visitor;
        }
        Visitor::of(port, role)
    }

    /// Sets up a second factor; the code that did, and the recovery codes.
    pub fn enrol(&mut self) -> (String, Vec<String>) {
        let page = self.get("/account/second-factor").body;
        let sealed = between(&page, "name=\"sealed\" value=\"", "\"").to_owned();
        let secret = between(&page, "<code id=\"secret\">", "</code>").to_owned();
        let wrong = self.post(
            "/account/second-factor",
            &[("sealed", &sealed), ("code", "000000")],
        );
        assert!(wrong.body.contains("role=\"alert\""), "{}", wrong.body);
        let shown = code(&secret);
        let reply = self.post(
            "/account/second-factor",
            &[("sealed", &sealed), ("code", &shown)],
        );
        let codes = reply.body.split("<li><code>").skip(1);
        let codes: Vec<String> = codes
            .map(|it| it.split('<').next().unwrap().to_owned())
            .collect();
        assert_eq!(codes.len(), 10, "{}", reply.body);
        self.keep(&reply);
        self.read_signature("/account");
        (shown, codes)
    }

    /// The same one, who reads in a language.
    #[allow(dead_code, reason = "not for the benchmark")]
    pub fn speaking(&self, language: &str) -> Visitor {
        let mut visitor = self.clone();
        visitor.cookie = format!("{}; language={language}", self.cookie);
        visitor
    }

    /// The cookie, as it is sent.
    pub fn cookie(&self) -> &str {
        &self.cookie
    }

    /// Shows name and password.
    pub fn sign_in(&mut self, name: &str, password: &str) -> Reply {
        let reply = self.post("/sign-in", &[("name", name), ("password", password)]);
        self.keep(&reply);
        reply
    }

    /// Takes the cookie of a reply, if there is one.
    pub fn keep(&mut self, reply: &Reply) {
        let cookie = reply.header("set-cookie");
        if let Some((pair, rest)) = cookie.split_once(';') {
            assert!(
                rest.contains("Secure")
                    && rest.contains("HttpOnly")
                    && rest.contains("SameSite=Lax"),
                "{cookie}"
            );
            pair.clone_into(&mut self.cookie);
        }
    }

    /// Reads the signature that forms of a page carry.
    pub fn read_signature(&mut self, path: &str) {
        let body = self.get(path).body;
        between(&body, "name=\"signature\" value=\"", "\"").clone_into(&mut self.signature);
        assert!(!self.signature.is_empty());
    }

    pub fn get(&self, path: &str) -> Reply {
        let request = Request::get(self.port, path).header("Cookie", &self.cookie);
        request.send().expect(path)
    }

    /// Sends a form with the signature.
    pub fn post(&self, path: &str, pairs: &[(&str, &str)]) -> Reply {
        let mut pairs = pairs.to_vec();
        pairs.push(("signature", &self.signature));
        self.post_plain(path, &pairs)
    }

    /// Sends a form as it is.
    pub fn post_plain(&self, path: &str, pairs: &[(&str, &str)]) -> Reply {
        let body = form(pairs);
        let request = Request::with_body("POST", self.port, path, &body)
            .header("Cookie", &self.cookie)
            .header("Content-Type", "application/x-www-form-urlencoded");
        request.send().expect(path)
    }
}
