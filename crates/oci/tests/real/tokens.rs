//! A registry that takes tokens of a service, as the large ones do: the service is asked for what a command needs.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD as BASE64, URL_SAFE_NO_PAD};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::DecodePrivateKey as _;
use rcgen::{CertificateParams, KeyPair};
use serde_json::json;

use crate::machine::Machine;
use crate::registry::{PASSWORD, Registry, Setup, USER};

/// A service that gives tokens to who knows the password, and remembers what they were for.
struct Service {
    realm: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Service {
    fn start(certificate: Vec<u8>, key: SigningKey) -> Service {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let realm = format!("http://{}/token", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                answer(client, &certificate, &key, &log).ok();
            }
        });
        Service { realm, asked }
    }
}

fn answer(
    mut client: TcpStream,
    certificate: &[u8],
    key: &SigningKey,
    log: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let lines = BufReader::new(client.try_clone()?).lines().map_while(Result::ok);
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let expected = format!("authorization: basic {}", BASE64.encode(format!("{USER}:{PASSWORD}"))).to_lowercase();
    let known = head.iter().any(|line| line.to_lowercase() == expected);
    let query = head[0].split(' ').nth(1).and_then(|target| target.split_once('?')).map_or("", |(_, query)| query);
    let scope = query.split('&').find_map(|pair| pair.strip_prefix("scope=")).unwrap_or_default();
    let scope = scope.replace("%3A", ":").replace("%2F", "/").replace("%2C", ",");
    log.lock().unwrap().push(scope.clone());
    let (status, body) = match known {
        true => ("200 OK", json!({ "token": token(&scope, certificate, key) }).to_string()),
        false => ("401 Unauthorized", "{}".to_owned()),
    };
    write!(client, "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

/// A token for a scope such as `repository:demo:pull,push`.
fn token(scope: &str, certificate: &[u8], key: &SigningKey) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let parts: Vec<&str> = scope.split(':').collect();
    let actions: Vec<&str> = parts[2].split(',').collect();
    let header = json!({ "typ": "JWT", "alg": "ES256", "x5c": [BASE64.encode(certificate)] });
    let claims = json!({
        "iss": "weir", "sub": USER, "aud": "registry", "exp": now + 300, "nbf": now - 10, "iat": now, "jti": "1",
        "access": [{ "type": parts[0], "name": parts[1], "actions": actions }],
    });
    let encode = |text: String| URL_SAFE_NO_PAD.encode(text);
    let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    let signature: Signature = key.sign(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}

#[test]
fn a_token_is_asked_for_what_a_command_needs() {
    let mut machine = Machine::new();
    let pair = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(Vec::new()).unwrap().self_signed(&pair).unwrap();
    let path = machine.path("service.pem");
    fs::write(&path, certificate.pem()).unwrap();
    let key = SigningKey::from_pkcs8_der(&pair.serialize_der()).unwrap();
    let service = Service::start(certificate.der().to_vec(), key);
    let registry = Registry::with(&Setup { tokens: Some((&service.realm, &path)), ..Setup::default() });
    let reference = format!("{}:1", registry.repository("team/demo"));

    machine.package();
    machine.weir(["push", "demo:1", &reference]).fails_with("(401)");
    machine.set("WEIR_REGISTRY_USER", USER);
    machine.set("WEIR_REGISTRY_PASSWORD", PASSWORD);
    machine.weir(["push", "demo:1", &reference]).succeeds();
    machine.weir(["pull", &reference]).succeeds();
    machine.weir(["list", "--remote", &registry.repository("team/demo")]).succeeds();
    machine.weir(["rm", "--remote", &reference]).succeeds();
    machine.weir(["pull", &reference]).fails_with("it is not there (404)");
    let asked = service.asked.lock().unwrap().clone();
    for scope in ["pull", "pull,push", "pull,push,delete"] {
        let scope = format!("repository:team/demo:{scope}");
        assert!(asked.contains(&scope), "{scope} is not in {asked:?}");
    }
}
