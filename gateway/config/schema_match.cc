#include "gateway/config/config.h"
#include "gateway/config/field.h"
#include "gateway/config/pattern_shape.h"
#include "gateway/config/scalar_shapes.h"
#include "gateway/config/schema.h"
#include "gateway/config/text_checks.h"
#include "gateway/http/message.h"

// The table of a route's `match`.

namespace holdfast::config {
namespace {

using Kind = Shape::Kind;

constexpr Shape kHostPattern = {
    .kind = Kind::kText,
    .expected = "a host such as example.com, *.example.com or * (without a port)",
    .check = IsHostPattern,
};
constexpr Shape kPath = {
    .kind = Kind::kText,
    .expected = "a path that begins with '/', without '?', '#' and white space",
    .check = IsPath,
};
constexpr Shape kMethod = {
    .kind = Kind::kText,
    .expected = "a method such as GET or PROPFIND, in capitals",
    .check = IsRouteMethod,
};
void ReadMethods(const YamlNode& node, Match* match) {
  for (const YamlNode& item : node.items) {
    if (!IsRouteMethod(item.text)) continue;
    match->methods.Add(item.text);
    if (http::IdentifyMethod(item.text) == http::Method::kGet) {
      match->methods.Add(http::Method::kHead);
    }
  }
}
constexpr Shape kMatchListeners = {.kind = Kind::kList,
                                   .expected = "a list of listener names",
                                   .min = 1,
                                   .max = kMaxListeners,
                                   .element = &kReference};
constexpr Shape kHosts = {.kind = Kind::kList,
                          .expected = "a list of hosts",
                          .min = 1,
                          .max = 1024,
                          .element = &kHostPattern};
constexpr Shape kMethods = {.kind = Kind::kList,
                            .expected = "a list of 1 to 32 methods",
                            .min = 1,
                            .max = 32,
                            .element = &kMethod};

constexpr std::string_view kTrue[] = {"true"};
constexpr Shape kTrueWord = {.kind = Kind::kWord, .words = kTrue};
void ReadExact(const YamlNode& node, ValueMatch* match) {
  match->kind = ValueMatch::Kind::kExact;
  match->text = node.text;
}
void ReadPrefix(const YamlNode& node, ValueMatch* match) {
  match->kind = ValueMatch::Kind::kPrefix;
  match->text = node.text;
}
void ReadRegex(const YamlNode& node, const Shape& /*shape*/, ValueMatch* match, Report* report) {
  if (ReadPattern(node, &match->pattern, report)) match->kind = ValueMatch::Kind::kPattern;
}
void ReadPresent(const YamlNode& /*node*/, ValueMatch* match) {
  match->kind = ValueMatch::Kind::kPresent;
}
void ReadAbsent(const YamlNode& /*node*/, ValueMatch* match) {
  match->kind = ValueMatch::Kind::kAbsent;
}
constexpr Key kValueMatchKeys[] = {
    Custom<&ReadExact>("exact", kSecretFieldValue, "The whole value.").Otherwise("any"),
    Custom<&ReadPrefix>("prefix", kFieldValue, "How it begins.").Otherwise("any"),
    Custom<&ReadRegex>("regex", kPattern, "What the whole value is like.").Otherwise("any"),
    Custom<&ReadPresent>("present", kTrueWord, "It is there.").Otherwise("not asked"),
    Custom<&ReadAbsent>("absent", kTrueWord, "It is not there.").Otherwise("not asked"),
};
constexpr Shape kValueMatch =
    Mapping<ValueMatch>("a mapping such as {exact: \"2\"}", kValueMatchKeys);
bool IsParameterName(std::string_view text) { return !text.empty() && text.size() <= 256; }
constexpr Shape kMatchHeaders = {
    .kind = Kind::kNamed,
    .expected = "the name of a field",
    .max = 32,
    .element = &kValueMatch,
    .check = IsTokenName,
};
constexpr Shape kMatchQuery = {
    .kind = Kind::kNamed,
    .expected = "the name of a parameter, decoded, of 1 to 256 bytes",
    .max = 32,
    .element = &kValueMatch,
    .check = IsParameterName,
};
template <std::vector<ValueMatch> Match::*kMatches>
void ReadValueMatches(const YamlNode& node, const Shape& /*shape*/, Match* match, Report* report) {
  for (const auto& [key, value] : node.entries) {
    ValueMatch& added = (match->*kMatches).emplace_back();
    added.name = key.text;
    DecodeMapping(value, kValueMatch, &added, report);
  }
}
constexpr Shape kClientScheme = WordShape<ClientScheme>();
constexpr Shape kSpeech = WordShape<Speech>();
std::string WritePath(const Match& match) { return match.path; }
void ReadPathPattern(const YamlNode& node, const Shape& /*shape*/, Match* match, Report* report) {
  ReadPattern(node, &match->path_pattern, report);
}
constexpr std::string_view kVerified[] = {"verified"};
constexpr Shape kVerifiedWord = {.kind = Kind::kWord, .words = kVerified};
void ReadClientCertificate(const YamlNode& /*node*/, Match* match) {
  match->client_certificate = true;
}

// What a match and its exceptions have in common.
constexpr Key kPathPrefix = ApartOf<&WritePath, Match>(
    "path_prefix", kPath, "The first segments of the path; /v1 takes /v1 and /v1/x, not /v1beta.");
constexpr Key kWholePath =
    Apart("path", kPath, "The whole path, in place of a prefix.").Otherwise("any");
constexpr Key kPathRegex =
    Custom<&ReadPathPattern>("path_regex", kPattern,
                             "What the whole path is like, in place of a prefix; see RE2's syntax.")
        .Otherwise("any");
constexpr Key kMethodsKey =
    Custom<&ReadMethods>("methods", kMethods, "Request methods; GET brings HEAD.").Otherwise("any");
constexpr Key kHeadersKey =
    Custom<&ReadValueMatches<&Match::headers>>(
        "headers", kMatchHeaders,
        "Fields by name, each with one of exact, prefix, regex, present, absent.")
        .Otherwise("any");
constexpr Key kQueryKey =
    Custom<&ReadValueMatches<&Match::query>>(
        "query", kMatchQuery,
        "Parameters of the query by name, likewise; names and values decoded.")
        .Otherwise("any");
constexpr Key kClientsKey =
    Field<&Match::clients>("clients", kSomePeers, "Networks, or `unix`, that the client is of.")
        .Otherwise("any");
constexpr Key kSchemeKey =
    Field<&Match::scheme>("scheme", kClientScheme, "What the client speaks: http in clear, https.");
constexpr Key kProtocolKey =
    Field<&Match::protocol>("protocol", kSpeech, "grpc: only calls of gRPC.");

constexpr Key kExceptionKeys[] = {
    kPathPrefix, kWholePath,  kPathRegex, kMethodsKey,  kHeadersKey,
    kQueryKey,   kClientsKey, kSchemeKey, kProtocolKey,
};
constexpr Shape kException =
    Mapping<Match>("a mapping such as {path_prefix: /public}", kExceptionKeys);
constexpr Shape kExceptions = {
    .kind = Kind::kList,
    .expected = "a list of 1 to 16 mappings such as [{path_prefix: /public}]",
    .min = 1,
    .max = 16,
    .element = &kException,
};

constexpr Key kMatchKeys[] = {
    Apart("listeners", kMatchListeners, "Names of listeners.").Otherwise("all"),
    Field<&Match::hosts>("hosts", kHosts, "Exact hosts, *.suffix or *.").Otherwise("any"),
    kPathPrefix,
    kWholePath,
    kPathRegex,
    kMethodsKey,
    kHeadersKey,
    kQueryKey,
    kClientsKey,
    kSchemeKey,
    kProtocolKey,
    Field<&Match::exceptions>(
        "not", kExceptions,
        "Requests that it leaves to others: those that meet all conditions of one of these.")
        .Otherwise("none"),
    Custom<&ReadClientCertificate>(
        "client_certificate", kVerifiedWord,
        "Only for clients that have shown a certificate; whoever else asks is answered 403.")
        .Otherwise("nobody is asked"),
};

}  // namespace

constexpr Shape kMatch = Mapping<Match>("a mapping such as {path_prefix: /}", kMatchKeys);

}  // namespace holdfast::config
