#include <algorithm>
#include <array>

#include "gateway/config/config.h"
#include "gateway/config/field.h"
#include "gateway/config/pattern_shape.h"
#include "gateway/config/scalar_shapes.h"
#include "gateway/config/schema.h"
#include "gateway/config/text_checks.h"
#include "gateway/config/units.h"
#include "gateway/http/message.h"

// The table of `routes`.

namespace holdfast::config {
namespace {

using Kind = Shape::Kind;

bool IsBody(std::string_view text) { return text.size() <= 64 * kKiB; }

constexpr Shape kBody = {
    .kind = Kind::kText, .expected = "a text of at most 64KiB", .check = IsBody};
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

// respond, redirect.
constexpr Shape kHeaders = {
    .kind = Kind::kNamed,
    .expected =
        "a field name that does not belong to framing or to one hop (such as "
        "Content-Length, Transfer-Encoding, Connection) and is not Date",
    .max = 64,
    .element = &kSecretFieldValue,
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
        "writes itself (such as Host, Content-Length, Connection, Via, and all X-Forwarded-*)",
    .check = IsRuleName,
};
constexpr Shape kRuleFields = {
    .kind = Kind::kNamed,
    .expected = kRuleName.expected,
    .max = 64,
    .element = &kSecretFieldValue,
    .check = IsRuleName,
};
constexpr Shape kRuleNames = {
    .kind = Kind::kList, .expected = "a list of field names", .max = 64, .element = &kRuleName};
template <policy::HeaderRules::Fields policy::HeaderRules::*kFields>
void ReadRuleFields(const YamlNode& node, policy::HeaderRules* rules) {
  for (const auto& [key, value] : node.entries) {
    // What a file has is a text and no template.
    (rules->*kFields)
        .emplace_back(key.text, value.hidden ? policy::LiteralTemplate(value.text) : value.text);
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

// rewrite.
constexpr Shape kNewPath = {
    .kind = Kind::kText,
    .expected = "a path that begins with '/', with or without a query",
    .words = kOff,
    .check = IsOriginForm,
};
constexpr Shape kNewPrefix = {
    .kind = Kind::kText,
    .expected = "a path that begins with '/', without '?', '#' and white space",
    .words = kOff,
    .check = IsPath,
};
constexpr Shape kQueryRewrite = WordShape<QueryRewrite>();
void ReadSwapPattern(const YamlNode& node, const Shape& /*shape*/, PathSwap* swap, Report* report) {
  ReadPattern(node, &swap->pattern, report);
}
bool IsReplacement(std::string_view text) {
  return text.size() <= 1024 && !text.empty() && text.front() == '/' &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f && c != '#'; });
}
constexpr Shape kReplacement = {
    .kind = Kind::kText,
    .expected = "a path that begins with '/', with \\1 to \\9 for groups",
    .check = IsReplacement,
};
constexpr Key kPathSwapKeys[] = {
    Custom<&ReadSwapPattern>("pattern", kPattern, "What the whole path is like.")
        .Required("\"/users/([0-9]+)\""),
    Field<&PathSwap::to>("to", kReplacement, "What it becomes; \\1 is what the first group holds.")
        .Required("/u/\\1"),
};
constexpr Shape kPathSwap = OrWords(
    Mapping<PathSwap>("a mapping such as {pattern: /users/([0-9]+), to: /u/\\1}", kPathSwapKeys),
    kOff);
constexpr Key kRewriteKeys[] = {
    Field<&Rewrite::path_prefix>("path_prefix", kNewPrefix,
                                 "What stands in place of the prefix that the route matches."),
    Field<&Rewrite::path>("path", kNewPath, "The whole path, in place of a prefix."),
    Field<&Rewrite::path_regex>("path_regex", kPathSwap, "How paths of a pattern change."),
    Field<&Rewrite::query>("query", kQueryRewrite, "What becomes of the request's query."),
    Field<&Rewrite::host>("host", kUpstreamHost,
                          "The Host that the upstream gets: keep, endpoint, or this one.")
        .Otherwise("as the upstream says"),
};
constexpr Shape kRewrite = Mapping<Rewrite>("a mapping such as {path_prefix: /new/}", kRewriteKeys);

constexpr Shape kTokenName = {
    .kind = Kind::kText, .expected = "a field name", .check = IsTokenName};

// split, split_by.
constexpr std::string_view kHeaderKey = "header:";
constexpr std::string_view kCookieKey = "cookie:";
bool IsNamedKey(std::string_view text) {
  for (const std::string_view kind : {kHeaderKey, kCookieKey}) {
    if (text.starts_with(kind)) return IsTokenName(text.substr(kind.size()));
  }
  return false;
}
constexpr Shape kSplitWeight = {.kind = Kind::kCount, .min = 0, .max = 1'000'000};
constexpr Key kSplitShareKeys[] = {
    Apart("upstream", kReference, "The name of one of the upstreams.").Required("web"),
    Field<&SplitShare::weight>("weight", kSplitWeight,
                               "Its share beside the others'; 0 for no request."),
};
constexpr Shape kSplitShare =
    Mapping<SplitShare>("a mapping such as {upstream: web, weight: 9}", kSplitShareKeys);
constexpr Shape kSplit = {.kind = Kind::kList,
                          .expected = "a list of 1 to 32 shares such as {upstream: web, weight: 9}",
                          .min = 1,
                          .max = 32,
                          .element = &kSplitShare};
bool IsSplitKey(std::string_view text) {
  return IsNamedKey(text) || text == "random" || text == "client";
}
constexpr Shape kSplitBy = {
    .kind = Kind::kText,
    .expected = "random, client, header:NAME or cookie:NAME",
    .check = IsSplitKey,
};
void ReadSplitBy(const YamlNode& node, Route* route) {
  const std::string_view text = node.text;
  const size_t colon = text.find(':');
  route->split_by.by = *kSplitKeyWords.ValueOf(text.substr(0, colon));
  if (colon != std::string_view::npos) route->split_by.name = text.substr(colon + 1);
}
std::string WriteSplitBy(const Route& route) {
  const std::string word(kSplitKeyWords.WordOf(route.split_by.by));
  return route.split_by.name.empty() ? word : word + ":" + route.split_by.name;
}

// mirror.
bool IsMirrorShare(std::string_view text) { return ParseShare(text).has_value(); }
constexpr Shape kMirrorShare = {
    .kind = Kind::kText,
    .expected = "a share from 0 to 1 with at most six decimals, such as 0.01",
    .check = IsMirrorShare,
};
void ReadMirrorShare(const YamlNode& node, Mirror* mirror) {
  mirror->share = ParseShare(node.text).value_or(mirror->share);
}
std::string WriteMirrorShare(const Mirror& mirror) { return FormatShare(mirror.share); }
constexpr Shape kMirrorInFlight = {.kind = Kind::kCount, .min = 1, .max = 10'000};
constexpr Shape kMirrorBody = {.kind = Kind::kSize, .min = 0, .max = kMiB};
constexpr Shape kMirrorTimeout = {
    .kind = Kind::kDuration, .min = kMillisecond, .max = 600 * kSecond, .words = kDefaultWord};
constexpr Key kMirrorKeys[] = {
    Apart("upstream", kReference, "The upstream that gets the copies.").Required("next"),
    Custom<&ReadMirrorShare, &WriteMirrorShare>("share", kMirrorShare,
                                                "Of how many requests there are copies."),
    Field<&Mirror::max_in_flight>(
        "max_in_flight", kMirrorInFlight,
        "Most copies of the route at a time, for each worker; beyond, requests have none."),
    Field<&Mirror::max_body>("max_body", kMirrorBody,
                             "Longest body of a copy; requests with a longer one have none."),
    Field<&Mirror::timeout>("timeout", kMirrorTimeout, "How long a copy may take.")
        .Otherwise("first_byte of the route's timeouts, or 30s where that is off"),
};
constexpr Shape kMirror =
    OrWords(Mapping<Mirror>("a mapping such as {upstream: next, share: 0.1}", kMirrorKeys), kOff);

// rate_limit.
using policy::RateLimitRule;
bool IsRateLimitKey(std::string_view text) {
  return IsNamedKey(text) || text == "client" || text == "global" || text == "client_certificate";
}
constexpr Shape kRateLimitKey = {
    .kind = Kind::kText,
    .expected = "client, header:NAME, cookie:NAME, client_certificate or global",
    .check = IsRateLimitKey,
};
void ReadRateLimitKey(const YamlNode& node, RateLimitRule* rule) {
  if (!IsRateLimitKey(node.text)) return;
  const std::string_view text = node.text;
  const size_t colon = text.find(':');
  rule->key = *policy::kRateLimitKeyWords.ValueOf(text.substr(0, colon));
  if (colon != std::string_view::npos) rule->name = text.substr(colon + 1);
}
std::string WriteRateLimitKey(const RateLimitRule& rule) {
  const std::string word(policy::kRateLimitKeyWords.WordOf(rule.key));
  return rule.name.empty() ? word : word + ":" + rule.name;
}
constexpr Shape kRateLimitRequests = {.kind = Kind::kCount, .min = 1, .max = 100'000'000};
constexpr Shape kRateLimitPer = {.kind = Kind::kDuration, .min = kMillisecond, .max = 30 * kDay};
constexpr Shape kRateLimitKeys = {.kind = Kind::kCount, .min = 1, .max = 10'000'000};
constexpr std::string_view kRateLimitStatusWords[] = {"429", "503"};
constexpr Shape kRateLimitStatus = {.kind = Kind::kWord, .words = kRateLimitStatusWords};
constexpr Key kRateLimitRuleKeys[] = {
    Field<&RateLimitRule::requests>("requests", kRateLimitRequests,
                                    "How many requests are taken in that time.")
        .Required("100"),
    Field<&RateLimitRule::per>("per", kRateLimitPer, "That time."),
    Field<&RateLimitRule::burst>("burst", kRateLimitRequests,
                                 "How many at once, after a pause; the rest comes evenly.")
        .Otherwise("as many as requests"),
    Custom<&ReadRateLimitKey, &WriteRateLimitKey>(
        "key", kRateLimitKey,
        "Whose requests are counted together: those of a client's address (of IPv6 a /64), of a "
        "field's or a cookie's value, of a certificate, or all."),
    Field<&RateLimitRule::status>("status", kRateLimitStatus, "What others are answered."),
    Field<&RateLimitRule::shadow>("shadow", kBoolean,
                                  "true: what would be refused is counted and let pass."),
    Field<&RateLimitRule::max_keys>(
        "max_keys", kRateLimitKeys,
        "For how many there is room, 16 bytes each; of more, those that used least start anew."),
    Field<&RateLimitRule::shared>(
        "shared", kSharedLimit,
        "With which other gateways the limit is shared, by Redis; off: with none."),
};
constexpr Shape kRateLimit =
    OrWords(Mapping<RateLimitRule>("a mapping such as {requests: 100, per: 1s, key: client}",
                                   kRateLimitRuleKeys),
            kOff);

// max_in_flight.
constexpr Shape kInFlightRequests = {.kind = Kind::kCount, .min = 1, .max = 1'000'000};
constexpr Shape kInFlightQueueSize = {.kind = Kind::kCount, .min = 0, .max = 1'000'000};
constexpr Key kInFlightQueueKeys[] = {
    Field<&MaxInFlight::Queue::size>("size", kInFlightQueueSize,
                                     "Requests that may wait; 503 for more."),
    Field<&MaxInFlight::Queue::timeout>("timeout", kDuration,
                                        "How long one may wait before it is answered 503."),
};
constexpr Shape kInFlightQueue =
    Mapping<MaxInFlight::Queue>("a mapping such as {size: 1024, timeout: 3s}", kInFlightQueueKeys);
constexpr Key kMaxInFlightKeys[] = {
    Field<&MaxInFlight::requests>("requests", kInFlightRequests,
                                  "How many, from their heads to the end of their responses.")
        .Required("100"),
    Field<&MaxInFlight::queue>("queue", kInFlightQueue, "Those that wait until one of them ends."),
    Field<&MaxInFlight::shadow>("shadow", kBoolean,
                                "true: what would have to wait is counted and goes on."),
};
constexpr Shape kMaxInFlight = [] {
  Shape shape = OrWords(
      Mapping<MaxInFlight>(
          "a whole number from 1 to 1000000 or a mapping such as {requests: 100, queue: {size: "
          "1024, timeout: 3s}}",
          kMaxInFlightKeys),
      kOff);
  shape.short_form = &kInFlightRequests;
  return shape;
}();

// basic_auth.
bool IsRealm(std::string_view text) { return IsName(text) && text.size() <= 128; }
constexpr Shape kFilePath = {
    .kind = Kind::kText, .expected = "an absolute path", .check = IsFilePath};
constexpr Shape kRealm = {
    .kind = Kind::kText,
    .expected = "a text of 1 to 128 printable ASCII characters without quotes and backslashes",
    .check = IsRealm,
};
constexpr Key kBasicAuthKeys[] = {
    Field<&BasicAuth::file>("file", kFilePath,
                            "Users and hashes of their passwords, bcrypt or argon2, as htpasswd -B "
                            "writes them; read at the start and at each reload.")
        .Required("/etc/holdfast/users.htpasswd"),
    Field<&BasicAuth::realm>("realm", kRealm, "What browsers call the place."),
};
constexpr Shape kBasicAuth = OrWords(
    Mapping<BasicAuth>("a mapping such as {file: /etc/holdfast/users.htpasswd}", kBasicAuthKeys),
    kOff);

// forward_auth.
constexpr Shape kAuthPath = {
    .kind = Kind::kText,
    .expected = "a path that begins with '/', with or without a query",
    .check = IsOriginForm,
};
constexpr Shape kFieldNames = {.kind = Kind::kList,
                               .expected = "a list of 1 to 64 field names",
                               .min = 1,
                               .max = 64,
                               .element = &kTokenName};
constexpr Shape kAuthTimeout = {.kind = Kind::kDuration, .min = kMillisecond, .max = 60 * kSecond};
constexpr Shape kFailMode = WordShape<FailMode>();
constexpr Shape kAuthBody = {.kind = Kind::kSize, .min = 1, .max = 16 * kMiB, .words = kOff};
constexpr Key kForwardAuthKeys[] = {
    Apart("upstream", kReference, "The upstream whose service is asked.").Required("auth"),
    Field<&ForwardAuth::path>("path", kAuthPath,
                              "What it is asked for, with GET; with POST where a body goes along."),
    Field<&ForwardAuth::copy_request_headers>(
        "copy_request_headers", kFieldNames,
        "The fields of the request that it gets, beside X-Forwarded-Method, -Uri and those that "
        "say who asks.")
        .Otherwise("all"),
    Field<&ForwardAuth::copy_response_headers>(
        "copy_response_headers", kRuleNames,
        "Fields of its answer that the request gets; those of the client are removed.")
        .Otherwise("none"),
    Field<&ForwardAuth::timeout>("timeout", kAuthTimeout, "How long an answer is waited for."),
    Field<&ForwardAuth::fail>("fail", kFailMode,
                              "Where it is not reached or says nothing in time: closed refuses "
                              "with 503, open lets pass."),
    Field<&ForwardAuth::body>(
        "body", kAuthBody,
        "It gets the request's body, too, up to so many bytes: that is read first, 413 beyond."),
};
constexpr Shape kForwardAuth = OrWords(
    Mapping<ForwardAuth>("a mapping such as {upstream: auth, path: /verify}", kForwardAuthKeys),
    kOff);

// compression.
constexpr std::string_view kCodings[] = {"zstd", "br", "gzip"};
constexpr Shape kCoding = {.kind = Kind::kWord, .words = kCodings};
constexpr Shape kAlgorithms = {.kind = Kind::kList,
                               .expected = "a list of zstd, br, gzip, each once",
                               .min = 1,
                               .max = std::size(kCodings),
                               .element = &kCoding};
constexpr Shape kTypePattern = {
    .kind = Kind::kText,
    .expected = "a media type such as application/json or text/*",
    .check = compression::IsTypePattern,
};
constexpr Shape kTypes = {.kind = Kind::kList,
                          .expected = "a list of 1 to 64 media types",
                          .min = 1,
                          .max = 64,
                          .element = &kTypePattern};
constexpr Shape kMinSize = {.kind = Kind::kSize, .min = 0, .max = kMiB};
constexpr Shape kLevel = {
    .kind = Kind::kCount, .min = compression::kMinLevel, .max = compression::kMaxLevel};
constexpr Key kCompressionKeys[] = {
    Field<&compression::Rules::algorithms>("algorithms", kAlgorithms,
                                           "Which ones, the first that the client likes best."),
    Field<&compression::Rules::min_size>("min_size", kMinSize,
                                         "Shorter bodies, where the length is known, stay."),
    Field<&compression::Rules::types>(
        "types", kTypes, "Of which media types; text/event-stream has to be named itself."),
    Field<&compression::Rules::level>("level", kLevel, "1 is the fastest, 9 the smallest."),
};
constexpr Shape kCompression =
    OrWords(Mapping<compression::Rules>("a mapping such as {algorithms: [zstd, br, gzip]}",
                                        kCompressionKeys),
            kOff);

// security_headers, cors.
constexpr Shape kSecurityHeaders = WordShape<policy::SecurityHeaders>();
constexpr Shape kOrigin = {
    .kind = Kind::kText,
    .expected = "an origin such as https://app.example.com, https://*.example.com or *",
    .check = policy::IsOriginPattern,
};
constexpr Shape kOrigins = {.kind = Kind::kList,
                            .expected = "a list of 1 to 256 origins",
                            .min = 1,
                            .max = 256,
                            .element = &kOrigin};
constexpr Shape kTokenOrAny = {
    .kind = Kind::kText, .expected = "a name or *", .check = IsTokenName};
constexpr Shape kTokens = {
    .kind = Kind::kList, .expected = "a list of names", .max = 64, .element = &kTokenOrAny};
constexpr Shape kCorsAge = {.kind = Kind::kDuration, .min = 0, .max = kDay};
constexpr Key kCorsKeys[] = {
    Field<&policy::Cors::allow_origins>("allow_origins", kOrigins, "Whose pages may ask.")
        .Required("[\"https://app.example.com\"]"),
    Field<&policy::Cors::allow_methods>("allow_methods", kTokens, "With which methods, or *.")
        .Otherwise("those of the route, or else GET, HEAD, POST"),
    Field<&policy::Cors::allow_headers>("allow_headers", kTokens,
                                        "With which fields beside those that need no leave, or *.")
        .Otherwise("none"),
    Field<&policy::Cors::expose_headers>("expose_headers", kTokens,
                                         "Which fields of responses scripts may read.")
        .Otherwise("none"),
    Field<&policy::Cors::allow_credentials>("allow_credentials", kBoolean,
                                            "Whether requests may have cookies; not with *."),
    Field<&policy::Cors::max_age>("max_age", kCorsAge,
                                  "How long browsers may remember what they were told."),
};
constexpr Shape kCors =
    OrWords(Mapping<policy::Cors>(
                "a mapping such as {allow_origins: [\"https://app.example.com\"]}", kCorsKeys),
            kOff);

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

// buffering.
constexpr Shape kBufferedRequest = {.kind = Kind::kSize, .min = 1, .max = 32 * kMiB};
constexpr Key kBufferingKeys[] = {
    Field<&Buffering::request>("request", kBufferedRequest,
                               "Largest body that is; what has come of a longer one is sent on, "
                               "and the rest as it comes.")
        .Required("1MiB"),
};
constexpr Shape kBuffering =
    OrWords(Mapping<Buffering>("a mapping such as {request: 1MiB}", kBufferingKeys), kOff);

constexpr Shape kRouteLog = WordShape<RouteLog>();
constexpr Key kRouteKeys[] = {
    Field<&Route::name>("name", kName,
                        "What logs and metrics call it, and by what a reload knows it again: one "
                        "without a name is another after a route was put before it.")
        .Otherwise("route-1 and so on, by place"),
    Field<&Route::match>("match", kMatch, "Which requests it takes."),
    Apart("upstream", kReference, "The name of the upstream that answers.")
        .Example("web")
        .Otherwise("none"),
    Field<&Route::split>("split", kSplit,
                         "In place of one upstream: several, and what share of the requests each "
                         "answers.")
        .Otherwise("none"),
    Custom<&ReadSplitBy, &WriteSplitBy>(
        "split_by", kSplitBy,
        "What keeps requests with one upstream of a split: the client's address (of IPv6 a /64), "
        "a field's or a cookie's value; random, and where there is none: chance."),
    Field<&Route::mirror>("mirror", kMirror,
                          "Copies of requests go to another upstream as well, whose answers are "
                          "thrown away; off: none."),
    Field<&Route::respond>("respond", kRespond,
                           "In place of an upstream: the gateway's own answer.")
        .Otherwise("none"),
    Field<&Route::redirect>("redirect", kRedirect,
                            "In place of an upstream: where the client is sent.")
        .Otherwise("none"),
    Field<&Route::rewrite>("rewrite", kRewrite,
                           "What the upstream is told in place of what the client asked for."),
    Field<&Route::deny>("deny", kPeers, "Networks, or `unix`, whose clients are answered 403.")
        .Otherwise("nobody"),
    Field<&Route::allow>("allow", kSomePeers,
                         "Networks whose clients alone may ask; whoever else does is answered 403. "
                         "`deny` goes first.")
        .Otherwise("everybody"),
    Field<&Route::rate_limit>(
        "rate_limit", kRateLimit,
        "How many requests are taken; off: all. Whoever is refused is told by Retry-After when one "
        "is taken again, and by the t of RateLimit when all of them are."),
    Field<&Route::max_in_flight>(
        "max_in_flight", kMaxInFlight,
        "How many requests may be under way at a time, in the whole process; off: all."),
    Field<&Route::basic_auth>("basic_auth", kBasicAuth,
                              "Who may ask, by name and password; off: everybody."),
    Field<&Route::forward_auth>("forward_auth", kForwardAuth,
                                "Another service says who may ask; off: nobody asks it."),
    Field<&Route::jwt>("jwt", kJwt, "Who may ask, by a JSON Web Token; off: everybody."),
    Field<&Route::request_headers>(
        "request_headers", kHeaderRules,
        "What is changed about the fields of requests; values may have ${client_ip}, "
        "${client_port}, ${host}, ${path}, ${route}, ${upstream}, ${scheme}, ${tls_sni}, "
        "${request_id} and ${header:NAME}, or be {file: PATH}."),
    Field<&Route::response_headers>(
        "response_headers", kHeaderRules,
        "The same of responses, the gateway's own among them; variables are of the request."),
    Field<&Route::compression>("compression", kCompression,
                               "Which responses of the upstream are made smaller; off: none."),
    Field<&Route::security_headers>(
        "security_headers", kSecurityHeaders,
        "Fields that responses get which lack them. basic: X-Content-Type-Options nosniff, "
        "X-Frame-Options SAMEORIGIN, Referrer-Policy strict-origin-when-cross-origin, and over "
        "TLS Strict-Transport-Security for a year. strict: DENY, no-referrer, a "
        "Content-Security-Policy of frame-ancestors, base-uri and object-src, "
        "Cross-Origin-Opener-Policy and -Resource-Policy same-origin, "
        "X-Permitted-Cross-Domain-Policies none, and the year for all subdomains."),
    Field<&Route::cors>("cors", kCors, "Which pages of elsewhere may ask; off: the service says."),
    Field<&Route::timeouts>("timeouts", kTimeouts, "Time limits of an exchange with the upstream."),
    Field<&Route::retry>("retry", kRetry, "When a request is sent again."),
    Field<&Route::max_request_body>("max_request_body", kBodyLimit,
                                    "Largest request body, 413 beyond."),
    Field<&Route::buffering>("buffering", kBuffering,
                             "Which bodies of requests are in memory as a whole before the "
                             "upstream is asked for a connection; off: none."),
    Field<&Route::tunnel_idle_timeout>("tunnel_idle_timeout", kDurationOrOff,
                                       "How long an upgraded connection may be silent."),
    Field<&Route::access_log>("access_log", kRouteLog,
                              "off: its requests have no lines in the access log."),
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
