#include "gateway/config/config.h"
#include "gateway/config/field.h"
#include "gateway/config/scalar_shapes.h"
#include "gateway/config/schema.h"
#include "gateway/config/text_checks.h"
#include "gateway/config/tls.h"

// The tables of `tls`, for listeners and for upstreams.

namespace holdfast::config {
namespace {

using Kind = Shape::Kind;

bool IsAuthorities(std::string_view text) {
  return text == UpstreamTls::kSystemAuthorities || IsFilePath(text);
}

constexpr Shape kFile = {
    .kind = Kind::kText,
    .expected = "the absolute path of a PEM file",
    .check = IsFilePath,
};
constexpr Shape kAuthorities = {
    .kind = Kind::kText,
    .expected = "the absolute path of a PEM file, or system",
    .check = IsAuthorities,
};
constexpr Shape kServerName = {
    .kind = Kind::kText,
    .expected = "a host such as example.com or 192.0.2.7",
    .check = IsServerName,
};
constexpr Shape kSubjectName = {
    .kind = Kind::kText,
    .expected = "a name such as dns:client.example.com or uri:spiffe://example.com/client",
    .check = IsSubjectName,
};
constexpr Shape kCiphers = {
    .kind = Kind::kText,
    .expected = "names of cipher suites with colons between them",
    .check = IsCipherList,
};
constexpr Shape kGroup = {
    .kind = Kind::kText,
    .expected = "the name of a group such as X25519 or P-256",
    .check = IsTokenName,
};
constexpr Shape kVersion = WordShape<pool::TlsVersion>();
constexpr Shape kDepth = {.kind = Kind::kCount, .min = 0, .max = 16};

// client_auth.
constexpr Shape kAuthMode = WordShape<pool::TlsClientAuthMode>();
constexpr Shape kSubjectNames = {.kind = Kind::kList,
                                 .expected = "a list of names",
                                 .min = 1,
                                 .max = 1024,
                                 .element = &kSubjectName};
constexpr Key kClientAuthKeys[] = {
    Field<&TlsClientAuthFiles::mode>(
        "mode", kAuthMode,
        "Whether a client must show a certificate; one that is shown must be good."),
    Field<&TlsClientAuthFiles::ca>("ca", kFile, "Who may vouch for clients.")
        .Required("/etc/holdfast/clients.pem"),
    Field<&TlsClientAuthFiles::crl>("crl", kFile, "Certificates that were revoked.")
        .Otherwise("none"),
    Field<&TlsClientAuthFiles::depth>("depth", kDepth,
                                      "Most certificates between a client's and an authority's."),
    Field<&TlsClientAuthFiles::allow_san>(
        "allow_san", kSubjectNames,
        "Names, one of which the certificate must have, compared as a whole.")
        .Otherwise("any"),
};
constexpr Shape kClientAuth = OrWords(
    Mapping<TlsClientAuthFiles>("a mapping such as {mode: required, ca: /etc/holdfast/clients.pem}",
                                kClientAuthKeys),
    kOff);

// certificates.
constexpr Key kCertificateKeys[] = {
    Field<&TlsCertificateFiles::cert>("cert", kFile,
                                      "The certificate, and then those that vouch for it.")
        .Required("/etc/holdfast/cert.pem"),
    Field<&TlsCertificateFiles::key>("key", kFile, "Its private key.")
        .Required("/etc/holdfast/key.pem"),
    Field<&TlsCertificateFiles::client_auth>(
        "client_auth", kClientAuth, "How clients are checked that ask for one of its names.")
        .Otherwise("the listener's"),
};
constexpr Shape kCertificate = Mapping<TlsCertificateFiles>(
    "a mapping such as {cert: /etc/holdfast/cert.pem, key: /etc/holdfast/key.pem}",
    kCertificateKeys);
constexpr Shape kCertificates = {.kind = Kind::kList,
                                 .expected = "a list of 1 to 256 certificates",
                                 .min = 1,
                                 .max = 256,
                                 .element = &kCertificate};

constexpr Shape kGroups = {.kind = Kind::kList,
                           .expected = "a list of groups for the key exchange",
                           .min = 1,
                           .max = 32,
                           .element = &kGroup};
constexpr Shape kTicketSecret = {
    .kind = Kind::kText,
    .expected = "the absolute path of a file with 32 or more random bytes",
    .check = IsFilePath,
};
constexpr Shape kRotate = {.kind = Kind::kDuration, .min = 60 * kSecond, .max = 7 * kDay};
constexpr Key kTicketKeys[] = {
    Field<&TlsTicketFiles::keys>(
        "keys", kTicketSecret,
        "Random bytes that all have who take each other's tickets; keys are derived of them.")
        .Otherwise("made up at the start"),
    Field<&TlsTicketFiles::rotate>("rotate", kRotate, "How long a key seals tickets."),
};
constexpr Shape kTickets =
    OrWords(Mapping<TlsTicketFiles>("a mapping such as {rotate: 12h}", kTicketKeys), kOff);
constexpr Shape kProtocol = WordShape<TlsProtocol>();
constexpr Shape kProtocols = {.kind = Kind::kList,
                              .expected = "a list of http/1.1 and http/1.0",
                              .max = 2,
                              .element = &kProtocol};

// acme.
constexpr std::string_view kFromRoutes[] = {"from_routes"};
constexpr Shape kDirectory = {
    .kind = Kind::kText,
    .expected = "a URL such as https://acme.example.com/directory",
    .check = IsHttpsUrl,
};
constexpr Shape kEmail = {
    .kind = Kind::kText,
    .expected = "a mail address such as ops@example.com",
    .check = IsMailAddress,
};
constexpr Shape kCertifiableName = {
    .kind = Kind::kText,
    .expected =
        "a host name such as www.example.com; a certificate for a wildcard takes the challenge "
        "dns-01, which is not spoken here, so it goes under certificates",
    .check = IsCertifiableName,
};
constexpr Shape kCertifiableNames = {.kind = Kind::kList,
                                     .expected = "a list of 1 to 100 host names",
                                     .min = 1,
                                     .max = kMaxAcmeNames,
                                     .words = kFromRoutes,
                                     .element = &kCertifiableName};
constexpr Shape kFolder = {
    .kind = Kind::kText,
    .expected = "the absolute path of a folder",
    .check = IsFilePath,
};
constexpr Shape kChallenge = WordShape<AcmeChallenge>();
constexpr Key kAcmeKeys[] = {
    Field<&ListenerAcme::directory>("directory", kDirectory,
                                    "Where the authority says how it is spoken to."),
    Field<&ListenerAcme::email>("email", kEmail, "Whom the authority may write to.")
        .Otherwise("nobody"),
    Field<&ListenerAcme::names>("names", kCertifiableNames,
                                "What to have certificates for, one for each name; from_routes "
                                "means every whole host of routes that lead from this listener.")
        .Otherwise("from_routes"),
    Field<&ListenerAcme::storage>("storage", kFolder,
                                  "Where the account and the certificates are kept, by several "
                                  "processes at a time if need be.")
        .Required("/var/lib/holdfast/acme"),
    Field<&ListenerAcme::challenge>("challenge", kChallenge,
                                    "How to prove that the names lead here: at port 80, by any "
                                    "listener in clear, or at port 443, by any with TLS."),
    Field<&ListenerAcme::ca>("ca", kAuthorities,
                             "Who may vouch for the directory's server; system means those of this "
                             "machine."),
};
constexpr Shape kAcme =
    OrWords(Mapping<ListenerAcme>("a mapping such as {email: ops@example.com, storage: "
                                  "/var/lib/holdfast/acme}",
                                  kAcmeKeys),
            kOff);
constexpr Key kListenerTlsKeys[] = {
    Field<&ListenerTls::certificates>(
        "certificates", kCertificates,
        "What the listener shows, by the name that a client asks for; else the first.")
        .Otherwise("what acme gets"),
    Field<&ListenerTls::acme>("acme", kAcme,
                              "Orders and renews certificates; that agrees to the terms of the "
                              "authority, Let's Encrypt unless another one is named."),
    Field<&ListenerTls::client_auth>("client_auth", kClientAuth,
                                     "Whether clients show certificates, and which ones."),
    Field<&ListenerTls::min_version>("min_version", kVersion, "Oldest version that is spoken."),
    Field<&ListenerTls::max_version>("max_version", kVersion, "Newest version that is spoken."),
    Field<&ListenerTls::ciphers>("ciphers", kCiphers,
                                 "Cipher suites of both versions, by OpenSSL's names."),
    Field<&ListenerTls::groups>(
        "groups", kGroups, "Groups for the key exchange; those that are not known are left out.")
        .Otherwise("X25519MLKEM768 where it is known, X25519, P-256, P-384"),
    Field<&ListenerTls::handshake_timeout>("handshake_timeout", kDuration,
                                           "Time for a whole handshake."),
    Field<&ListenerTls::strict_sni>(
        "strict_sni", kBoolean, "Refuses who asks for no name, or for one without a certificate."),
    Field<&ListenerTls::alpn>("alpn", kProtocols,
                              "Protocols that clients may agree on; [] leaves ALPN out."),
    Field<&ListenerTls::session_tickets>("session_tickets", kTickets,
                                         "How clients may resume their sessions."),
};

// Of upstreams.
constexpr Shape kVerify = WordShape<TlsUpstreamVerify>();
constexpr Key kOwnCertificateKeys[] = {
    Field<&TlsOwnCertificate::cert>("cert", kFile,
                                    "The certificate, and then those that vouch for it.")
        .Required("/etc/holdfast/cert.pem"),
    Field<&TlsOwnCertificate::key>("key", kFile, "Its private key.")
        .Required("/etc/holdfast/key.pem"),
};
constexpr Shape kOwnCertificate =
    OrWords(Mapping<TlsOwnCertificate>(
                "a mapping such as {cert: /etc/holdfast/cert.pem, key: /etc/holdfast/key.pem}",
                kOwnCertificateKeys),
            kOff);
constexpr Key kUpstreamTlsKeys[] = {
    Field<&UpstreamTls::ca>("ca", kAuthorities,
                            "Who may vouch for the upstream; system means those of this machine."),
    Field<&UpstreamTls::server_name>("server_name", kServerName,
                                     "Whom to ask for, and whose certificate to expect.")
        .Otherwise("the host of the endpoints"),
    Field<&UpstreamTls::verify>("verify", kVerify,
                                "Whether the upstream's certificate is checked."),
    Field<&UpstreamTls::certificate>("certificate", kOwnCertificate,
                                     "What is shown to an upstream that asks for a certificate."),
    Field<&UpstreamTls::alpn>("alpn", kProtocols,
                              "Protocols that are offered; [] leaves ALPN out."),
    Field<&UpstreamTls::min_version>("min_version", kVersion, "Oldest version that is spoken."),
};

}  // namespace

constexpr Shape kListenerTls = OrWords(
    Mapping<ListenerTls>("a mapping such as {certificates: [{cert: /etc/holdfast/cert.pem, key: "
                         "/etc/holdfast/key.pem}]}",
                         kListenerTlsKeys),
    kOff);
constexpr Shape kUpstreamTls =
    OrWords(Mapping<UpstreamTls>("a mapping such as {ca: system, server_name: web.example.com}",
                                 kUpstreamTlsKeys),
            kOff);

}  // namespace holdfast::config
