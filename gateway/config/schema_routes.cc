#include <algorithm>
#include <array>

#include "gateway/config/config.h"
#include "gateway/config/field.h"
#include "gateway/config/scalar_shapes.h"
#include "gateway/config/schema.h"
#include "gateway/config/text_checks.h"
#include "gateway/http/message.h"

// The table of `routes`.

namespace holdfast::config {
namespace {

using Kind = Shape::Kind;

bool IsBody(std::string_view text) { return text.size() <= 64 * kKiB; }

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
constexpr Shape kBody = {
    .kind = Kind::kText, .expected = "a text of at most 64KiB", .check = IsBody};
constexpr Shape kFieldValue = {
    .kind = Kind::kText,
    .expected = "a field value without control characters and surrounding white space",
    .check = IsFieldValue,
};
constexpr Shape kRedirectTarget = {
    .kind = Kind::kText,
    .expected = "a path such as /new/ or a URL such as https://example.com/new/",
    .check = IsRedirectTarget,
};

constexpr Shape kRetryAttempts = {.kind = Kind::kCount, .min = 0, .max = 10};
constexpr Shape kRetryStatus = {.kind = Kind::kCount, .min = 400, .max = 599};
constexpr Shape kBackoff = {.kind = Kind::kDuration, .min = 0, .max = 3600 * kSecond};
constexpr Shape kStatusCode = {.kind = Kind::kCount, .min = 200, .max = 599};
constexpr Shape kBodyLimit = {.kind = Kind::kSize, .min = 0, .max = kMiB * kMiB, .words = kOff};

// match. A route may ask for any method that reaches the routes; GET brings HEAD with it.
constexpr http::Method kRouteMethods[] = {
    http::Method::kGet,    http::Method::kHead,    http::Method::kPost,  http::Method::kPut,
    http::Method::kDelete, http::Method::kOptions, http::Method::kTrace, http::Method::kPatch,
};
constexpr auto kMethodWords = [] {
  std::array<std::string_view, std::size(kRouteMethods)> words;
  std::ranges::transform(kRouteMethods, words.begin(), http::MethodName);
  return words;
}();
constexpr Shape kMethod = {.kind = Kind::kWord, .words = kMethodWords};
void ReadMethods(const YamlNode& node, Match* match) {
  for (const YamlNode& item : node.items) {
    if (!HasWord(kMethod, item.text)) continue;
    const http::Method method = http::IdentifyMethod(item.text);
    match->methods.Add(method);
    if (method == http::Method::kGet) match->methods.Add(http::Method::kHead);
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
                            .expected = "a list of methods",
                            .min = 1,
                            .max = std::size(kMethodWords),
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
void ReadPresent(const YamlNode& /*node*/, ValueMatch* match) {
  match->kind = ValueMatch::Kind::kPresent;
}
void ReadAbsent(const YamlNode& /*node*/, ValueMatch* match) {
  match->kind = ValueMatch::Kind::kAbsent;
}
constexpr Key kValueMatchKeys[] = {
    Custom<&ReadExact>("exact", kFieldValue, "The whole value.").Otherwise("any"),
    Custom<&ReadPrefix>("prefix", kFieldValue, "How it begins.").Otherwise("any"),
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
std::string WritePath(const Match& match) { return match.path; }
constexpr std::string_view kVerified[] = {"verified"};
constexpr Shape kVerifiedWord = {.kind = Kind::kWord, .words = kVerified};
void ReadClientCertificate(const YamlNode& /*node*/, Match* match) {
  match->client_certificate = true;
}
constexpr Key kMatchKeys[] = {
    Apart("listeners", kMatchListeners, "Names of listeners.").Otherwise("all"),
    Field<&Match::hosts>("hosts", kHosts, "Exact hosts, *.suffix or *.").Otherwise("any"),
    ApartOf<&WritePath, Match>("path_prefix", kPath, "A plain prefix of the path, byte by byte."),
    Apart("path", kPath, "The whole path, in place of a prefix.").Otherwise("any"),
    Custom<&ReadMethods>("methods", kMethods, "Request methods; GET brings HEAD.").Otherwise("any"),
    Custom<&ReadValueMatches<&Match::headers>>(
        "headers", kMatchHeaders,
        "Fields by name, each with one of exact, prefix, present, absent.")
        .Otherwise("any"),
    Custom<&ReadValueMatches<&Match::query>>(
        "query", kMatchQuery,
        "Parameters of the query by name, likewise; names and values decoded.")
        .Otherwise("any"),
    Field<&Match::clients>("clients", kPeers, "Networks, or `unix`, that the client is of.")
        .Otherwise("any"),
    Field<&Match::scheme>("scheme", kClientScheme, "What the client speaks: http in clear, https."),
    Custom<&ReadClientCertificate>(
        "client_certificate", kVerifiedWord,
        "Only for clients that have shown a certificate; whoever else asks is answered 403.")
        .Otherwise("nobody is asked"),
};
constexpr Shape kMatch = Mapping<Match>("a mapping such as {path_prefix: /}", kMatchKeys);

// respond, redirect.
constexpr Shape kHeaders = {
    .kind = Kind::kNamed,
    .expected =
        "a field name that does not belong to framing or to one hop (such as "
        "Content-Length, Transfer-Encoding, Connection) and is not Date",
    .max = 64,
    .element = &kFieldValue,
    .check = IsFieldName,
};
void ReadHeaders(const YamlNode& node, Respond* respond) {
  for (const auto& [key, value] : node.entries) respond->headers.emplace_back(key.text, value.text);
}
// request_headers, response_headers.
bool IsRuleName(std::string_view text) {
  return IsTokenName(text) && policy::MayBeChanged(LowerCase(text));
}
constexpr Shape kRuleName = {
    .kind = Kind::kText,
    .expected =
        "a field name that does not belong to framing or to one hop and is none that the gateway "
        "writes itself (such as Host, Content-Length, Connection, Via, X-Forwarded-For)",
    .check = IsRuleName,
};
constexpr Shape kRuleFields = {
    .kind = Kind::kNamed,
    .expected = kRuleName.expected,
    .max = 64,
    .element = &kFieldValue,
    .check = IsRuleName,
};
constexpr Shape kRuleNames = {
    .kind = Kind::kList, .expected = "a list of field names", .max = 64, .element = &kRuleName};
template <policy::HeaderRules::Fields policy::HeaderRules::*kFields>
void ReadRuleFields(const YamlNode& node, policy::HeaderRules* rules) {
  for (const auto& [key, value] : node.entries) {
    (rules->*kFields).emplace_back(key.text, value.text);
  }
}
void ReadRuleNames(const YamlNode& node, policy::HeaderRules* rules) {
  for (const YamlNode& name : node.items) rules->remove.push_back(name.text);
}
std::string WriteRuleNames(const policy::HeaderRules& rules) {
  std::string text;
  for (const std::string& name : rules.remove) text += (text.empty() ? "" : ", ") + name;
  return "[" + text + "]";
}
constexpr Key kHeaderRuleKeys[] = {
    Custom<&ReadRuleFields<&policy::HeaderRules::set>>("set", kRuleFields,
                                                       "Fields in place of those of the same name.")
        .Otherwise("none"),
    Custom<&ReadRuleFields<&policy::HeaderRules::set_if_missing>>(
        "set_if_missing", kRuleFields, "Fields where there is none of that name.")
        .Otherwise("none"),
    Custom<&ReadRuleFields<&policy::HeaderRules::add>>("add", kRuleFields,
                                                       "Fields beside those of the same name.")
        .Otherwise("none"),
    Custom<&ReadRuleNames, &WriteRuleNames>("remove", kRuleNames,
                                            "Names of fields, in every spelling of them."),
};
constexpr Shape kHeaderRules = Mapping<policy::HeaderRules>(
    "a mapping such as {set: {x-client: \"${client_ip}\"}, remove: [x-secret]}", kHeaderRuleKeys);

constexpr Key kRespondKeys[] = {
    Field<&Respond::status>("status", kStatusCode, "The status code."),
    Field<&Respond::body>("body", kBody, "The content.").Otherwise("empty"),
    Custom<&ReadHeaders>("headers", kHeaders, "Fields to add.").Otherwise("none"),
};
constexpr Shape kRespond =
    Mapping<Respond>("a mapping such as {status: 200, body: \"hello\\n\"}", kRespondKeys);
constexpr std::string_view kRedirectWords[] = {"301", "302", "303", "307", "308"};
constexpr Shape kRedirectStatus = {.kind = Kind::kWord, .words = kRedirectWords};
constexpr Shape kRedirectScheme = WordShape<RedirectScheme>();
constexpr std::string_view kDefaultWord[] = {"default"};
constexpr Shape kRedirectPort = {
    .kind = Kind::kCount, .min = 1, .max = 65'535, .words = kDefaultWord};
constexpr Key kRedirectKeys[] = {
    Field<&Redirect::status>("status", kRedirectStatus, "The status code."),
    Field<&Redirect::to>(
        "to", kRedirectTarget,
        "A path or URL; with path_prefix and a final '/' the rest of the path is appended.")
        .Otherwise("the request's path"),
    Field<&Redirect::scheme>("scheme", kRedirectScheme,
                             "The same host under this scheme; keep leaves it to `to`."),
    Field<&Redirect::port>("port", kRedirectPort, "The port that goes with the scheme."),
};
constexpr Shape kRedirect = Mapping<Redirect>("a mapping such as {to: /new/}", kRedirectKeys);

// timeouts, retry.
constexpr Key kTimeoutKeys[] = {
    Field<&RouteTimeouts::first_byte>("first_byte", kDurationOrOff,
                                      "Time from the request's end to the response's first byte."),
    Field<&RouteTimeouts::stall>("stall", kDurationOrOff, "Time without progress on the response."),
    Field<&RouteTimeouts::total>("total", kDurationOrOff, "Time for the whole exchange."),
};
constexpr Shape kTimeouts =
    Mapping<RouteTimeouts>("a mapping such as {first_byte: 30s, stall: 60s}", kTimeoutKeys);

struct RetryReason {
  std::string_view word;
  bool RetryPolicy::*member;
};
constexpr RetryReason kRetryReasonTable[] = {
    {"connect_failure", &RetryPolicy::connect_failure},
    {"unprocessed", &RetryPolicy::unprocessed},
    {"reset", &RetryPolicy::reset},
    {"gateway_error", &RetryPolicy::gateway_error},
    {"first_byte_timeout", &RetryPolicy::first_byte_timeout},
};
constexpr OldWord kOldRetryWords[] = {{"refused", "unprocessed"}};
constexpr auto kRetryWords = [] {
  std::array<std::string_view, std::size(kRetryReasonTable)> words;
  std::ranges::transform(kRetryReasonTable, words.begin(), &RetryReason::word);
  return words;
}();
constexpr Shape kRetryReason = {
    .kind = Kind::kWord, .words = kRetryWords, .old_words = kOldRetryWords};
constexpr Shape kRetryReasons = {
    .kind = Kind::kList,
    .expected = "a list of connect_failure, unprocessed, reset, gateway_error, first_byte_timeout",
    .max = std::size(kRetryWords),
    .element = &kRetryReason,
};
void ReadRetryReasons(const YamlNode& node, RetryPolicy* retry) {
  for (const auto& [word, member] : kRetryReasonTable) {
    retry->*member = std::ranges::any_of(node.items, [&](const YamlNode& item) {
      return CurrentWord(kRetryReason, item.text) == word;
    });
  }
}
std::string WriteRetryReasons(const RetryPolicy& retry) {
  std::string text;
  for (const auto& [word, member] : kRetryReasonTable) {
    if (retry.*member) text += (text.empty() ? "" : ", ") + std::string(word);
  }
  return "[" + text + "]";
}
constexpr Shape kRetryStatuses = {
    .kind = Kind::kList,
    .expected = "a list of at most 200 status codes",
    .max = 200,
    .element = &kRetryStatus,
};
constexpr Shape kGrpcStatus = WordShape<grpc::Status>();
constexpr Shape kRetryGrpcStatuses = {
    .kind = Kind::kList,
    .expected = "a list of statuses of gRPC such as unavailable, resource_exhausted",
    .max = grpc::kStatusWords.size(),
    .element = &kGrpcStatus,
};
void ReadGrpcStatuses(const YamlNode& node, RetryPolicy* retry) {
  for (const YamlNode& item : node.items) {
    const auto status = grpc::kStatusWords.ValueOf(item.text);
    if (status.has_value()) retry->grpc_statuses.push_back(*status);
  }
}
std::string WriteGrpcStatuses(const RetryPolicy& retry) {
  std::string text;
  for (const grpc::Status status : retry.grpc_statuses) {
    text += (text.empty() ? "" : ", ") + std::string(grpc::kStatusWords.WordOf(status));
  }
  return "[" + text + "]";
}
constexpr Key kRetryKeys[] = {
    Field<&RetryPolicy::attempts>("attempts", kRetryAttempts,
                                  "How often a request is sent again, 0 for never."),
    Custom<&ReadRetryReasons, &WriteRetryReasons>("on", kRetryReasons, "After which failures."),
    Field<&RetryPolicy::statuses>("statuses", kRetryStatuses,
                                  "After which status codes of the upstream."),
    Custom<&ReadGrpcStatuses, &WriteGrpcStatuses>(
        "grpc_statuses", kRetryGrpcStatuses,
        "After which statuses of gRPC, of calls that no message has answered yet."),
    Field<&RetryPolicy::per_try_timeout>("per_try_timeout", kDurationOrOff,
                                         "Time for a response's head, each time anew."),
    Field<&RetryPolicy::backoff>("backoff", kBackoff,
                                 "The wait before the second repetition, doubling with each."),
    Field<&RetryPolicy::max_backoff>("max_backoff", kBackoff, "The longest wait.")
        .AtLeast("backoff"),
};
constexpr Shape kRetry = Mapping<RetryPolicy>(
    "a mapping such as {attempts: 2, on: [connect_failure, unprocessed]}", kRetryKeys);

constexpr Key kRouteKeys[] = {
    Field<&Route::name>("name", kName, "What logs and metrics call it.")
        .Otherwise("route-1 and so on"),
    Field<&Route::match>("match", kMatch, "Which requests it takes."),
    Apart("upstream", kReference, "The name of the upstream that answers.")
        .Example("web")
        .Otherwise("none"),
    Field<&Route::respond>("respond", kRespond,
                           "In place of an upstream: the gateway's own answer.")
        .Otherwise("none"),
    Field<&Route::redirect>("redirect", kRedirect,
                            "In place of an upstream: where the client is sent.")
        .Otherwise("none"),
    Field<&Route::deny>("deny", kPeers, "Networks, or `unix`, whose clients are answered 403.")
        .Otherwise("nobody"),
    Field<&Route::allow>("allow", kPeers,
                         "The only ones whose clients are not, unless `deny` has them.")
        .Otherwise("everybody"),
    Field<&Route::request_headers>(
        "request_headers", kHeaderRules,
        "What is changed about the fields of requests; values may have ${client_ip}, "
        "${client_port}, ${host}, ${path}, ${route}, ${upstream}, ${scheme}, ${tls_sni} and "
        "${header:NAME}."),
    Field<&Route::response_headers>(
        "response_headers", kHeaderRules,
        "The same of responses, the gateway's own among them; variables are of the request."),
    Field<&Route::timeouts>("timeouts", kTimeouts, "Time limits of an exchange with the upstream."),
    Field<&Route::retry>("retry", kRetry, "When a request is sent again."),
    Field<&Route::max_request_body>("max_request_body", kBodyLimit,
                                    "Largest request body, 413 beyond."),
    Field<&Route::tunnel_idle_timeout>("tunnel_idle_timeout", kDurationOrOff,
                                       "How long an upgraded connection may be silent."),
};
constexpr Shape kRoute =
    Mapping<Route>("a route such as {match: {path_prefix: /}, upstream: web}", kRouteKeys);

}  // namespace

constexpr Shape kRoutes = {
    .kind = Kind::kList,
    .expected = "a list of 1 to 10000 routes",
    .min = 1,
    .max = 10'000,
    .element = &kRoute,
};

}  // namespace holdfast::config
