//! An authority of the herd's own, and certificates by it for the servers.
//!
//! Each is for its server's name, by which neighbours know it, and for the host of its address, by which clients
//! do. What is there already stays as it is: who adds a server does the same again.

use super::files::{create, unable};
use herd_clock as clock;
use herd_config::{Failure, Roster, roster};
use herd_core::LinkKind;
use herd_tls as tls;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use std::fs;
use std::path::{Path, PathBuf};

/// Makes what is missing of the files that the herd's `tls` names, and of the authority's key beside its
/// certificate: the files that were made.
pub(super) fn make(roster: &Roster, files: &roster::Tls) -> Result<Vec<PathBuf>, Failure> {
    let missing = missing(roster, files)?;
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let Some((certificate, place)) = &files.authority else {
        let message = "name an `authority` in [tls], the file with who the certificates are by";
        return Err(Failure::wrong(format!("{}: {message}", roster.name)));
    };
    let key = certificate.with_extension("key");
    let mut made = Vec::new();
    let authority = match (certificate.exists(), key.exists()) {
        (true, true) => {
            let pem = fs::read_to_string(&key).map_err(|error| unable(&key, &error))?;
            let pair = KeyPair::from_pem(&pem).map_err(|error| {
                Failure::wrong(format!("{} is no key of an authority's: {error}", key.display()))
            })?;
            Issuer::new(authority_params()?, pair)
        }
        (false, false) => {
            let (params, pair) = (authority_params()?, KeyPair::generate().map_err(failed)?);
            let pem = params.self_signed(&pair).map_err(failed)?.pem();
            save(&key, &pair.serialize_pem(), true, &mut made)?;
            save(certificate, &pem, false, &mut made)?;
            Issuer::new(params, pair)
        }
        (true, false) => {
            return Err(Failure::wrong(format!(
                "{place}: there is {}, and not {} beside it: certificates are made where both are",
                certificate.display(),
                key.display()
            )));
        }
        (false, true) => {
            let (key, certificate) = (key.display(), certificate.display());
            let message = format!("{place}: there is {key}, and no {certificate} beside it");
            return Err(Failure::wrong(message));
        }
    };
    for server in missing {
        let pair = KeyPair::generate().map_err(failed)?;
        let params = server_params(server)?;
        let pem = params.signed_by(&pair, &authority).map_err(failed)?.pem();
        tls::verify(&pem, &server.name, certificate).map_err(|error| {
            let (key, certificate) = (key.display(), certificate.display());
            Failure::wrong(format!(
                "{place}: {key} makes no certificates that are by {certificate}, or that is no authority of \
                 herd init's: {error}"
            ))
        })?;
        save(&files.key_of(&server.name), &pair.serialize_pem(), true, &mut made)?;
        save(&files.certificate_of(&server.name), &pem, false, &mut made)?;
    }
    Ok(made)
}

/// The servers that have neither certificate nor key yet.
fn missing<'r>(roster: &'r Roster, tls: &roster::Tls) -> Result<Vec<&'r roster::Server>, Failure> {
    let mut missing = Vec::new();
    for server in roster.servers.iter().filter(|server| server.links == LinkKind::Herd) {
        let files = [tls.certificate_of(&server.name), tls.key_of(&server.name)];
        match files.each_ref().map(|path| path.exists()) {
            [true, true] => {}
            [false, false] => missing.push(server),
            [has_certificate, _] => {
                let [there, not] = if has_certificate { [0, 1] } else { [1, 0] };
                return Err(Failure::wrong(format!(
                    "there is {}, and no {} to go with it: remove it to have both made",
                    files[there].display(),
                    files[not].display()
                )));
            }
        }
    }
    Ok(missing)
}

/// The same each time, so that its key is all that is needed to go on.
fn authority_params() -> Result<CertificateParams, Failure> {
    let mut params = params(&[], "herd authority", AUTHORITY_YEARS)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn server_params(server: &roster::Server) -> Result<CertificateParams, Failure> {
    let names = [server.name.clone(), server.address.host()];
    let mut params = params(&names, &server.name, SERVER_YEARS)?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    // Between servers both sides show it.
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn params(names: &[String], called: &str, years: i16) -> Result<CertificateParams, Failure> {
    let mut params = CertificateParams::new(names).map_err(failed)?;
    params.distinguished_name.push(DnType::CommonName, called);
    let nanos = i128::from(clock::now().wall.nanos());
    let now = Timestamp::from_nanosecond(nanos).unwrap_or_default().to_zoned(TimeZone::UTC).date();
    // Clocks may differ.
    let midnight = |date: Date| {
        let [month, day] = [date.month(), date.day()].map(i8::unsigned_abs);
        date_time_ymd(i32::from(date.year()), month, day)
    };
    params.not_before = midnight(now.saturating_sub(Span::new().days(1)));
    params.not_after = midnight(now.saturating_add(Span::new().years(years)));
    Ok(params)
}

fn save(path: &Path, pem: &str, is_private: bool, made: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let dir = path.parent().unwrap_or_else(|| Path::new(""));
    fs::create_dir_all(dir).map_err(|error| unable(dir, &error))?;
    create(path, pem, is_private).map_err(|error| unable(path, &error))?;
    made.push(path.to_owned());
    Ok(())
}

fn failed(error: rcgen::Error) -> Failure {
    Failure::unable(format!("cannot make a certificate: {error}"))
}

/// How long certificates are good for.
const AUTHORITY_YEARS: i16 = 20;
const SERVER_YEARS: i16 = 2;
