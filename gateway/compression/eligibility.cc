#include "gateway/compression/eligibility.h"

#include <algorithm>
#include <cstddef>

#include "gateway/grpc/fields.h"
#include "gateway/http/syntax.h"

namespace holdfast::compression {
namespace {

using http::BodyKind;
using http::EqualsIgnoreCase;

constexpr std::string_view kEventStream = "text/event-stream";

// Whether a member of the list fields `name` satisfies `matches`.
template <class Matches>
bool AnyMember(const http::HeaderList& fields, std::string_view name, Matches matches) {
  for (const http::HeaderField& field : fields.fields()) {
    if (field.dropped || !EqualsIgnoreCase(field.name, name)) continue;
    http::ListReader list(field.value);
    std::string_view member;
    while (list.Next(&member)) {
      if (!member.empty() && matches(member)) return true;
    }
  }
  return false;
}

bool ForbidsTransform(const http::HeaderList& fields) {
  return AnyMember(fields, "cache-control", [](std::string_view directive) {
    return EqualsIgnoreCase(directive, "no-transform");
  });
}

bool IsEncoded(const http::HeaderList& fields) {
  return AnyMember(fields, "content-encoding", [](std::string_view coding) {
    return !EqualsIgnoreCase(coding, kCodingWords.WordOf(Coding::kIdentity));
  });
}

bool Has(const http::HeaderList& fields, std::string_view name) {
  return std::ranges::any_of(fields.fields(), [name](const http::HeaderField& field) {
    return !field.dropped && EqualsIgnoreCase(field.name, name);
  });
}

// Without parameters; empty when there is none.
std::string_view MediaTypeOf(const http::ResponseHead& response) {
  for (const http::HeaderField& field : response.headers.fields()) {
    if (field.dropped || field.id != http::FieldId::kContentType) continue;
    return http::TrimWhiteSpace(field.value.substr(0, field.value.find(';')));
  }
  return {};
}

bool MatchesType(std::string_view pattern, std::string_view type) {
  if (EqualsIgnoreCase(pattern, type)) return true;
  if (!pattern.ends_with("/*") || EqualsIgnoreCase(type, kEventStream)) return false;
  const size_t slash = pattern.size() - 2;
  if (type.find('/') == std::string_view::npos) return false;
  return pattern.substr(0, slash) == "*" ||
         (type.size() > slash && type[slash] == '/' &&
          EqualsIgnoreCase(type.substr(0, slash + 1), pattern.substr(0, slash + 1)));
}

bool IsListed(const Rules& rules, std::string_view type) {
  return std::ranges::any_of(
      rules.types, [type](const std::string& pattern) { return MatchesType(pattern, type); });
}

// application/grpc, with or without a format, and gRPC-Web.
bool IsGrpcType(std::string_view type) {
  const size_t length = grpc::kContentType.size();
  return type.size() >= length && EqualsIgnoreCase(type.substr(0, length), grpc::kContentType) &&
         (type.size() == length || type[length] == '+' || type[length] == '-');
}

bool HasNoBody(const http::RequestHead& request, const http::ResponseHead& response) {
  const uint16_t status = response.status;
  return response.informational() || status == 204 || status == 205 || status == 304 ||
         (response.body == BodyKind::kNone && request.method != http::Method::kHead);
}

bool IsTooShort(const Rules& rules, const http::ResponseHead& response) {
  if (response.body != BodyKind::kLength && !response.has_content_length) return false;
  return response.content_length == 0 || response.content_length < rules.min_size;
}

// What there is to say of the response, whoever asks for it; kEncoded: nothing.
Outcome JudgeResponse(const Rules& rules, const http::RequestHead& request,
                      const http::ResponseHead& response) {
  if (rules.algorithms.empty()) return Outcome::kOff;
  if (request.method == http::Method::kConnect || response.status == 101) return Outcome::kTunnel;
  if (HasNoBody(request, response)) return Outcome::kNoBody;
  const http::HeaderList& fields = response.headers;
  if (response.status == 206 || Has(fields, "content-range")) return Outcome::kPartial;
  if (IsEncoded(fields)) return Outcome::kAlreadyEncoded;
  const std::string_view type = MediaTypeOf(response);
  if (IsGrpcType(type) || grpc::IsCall(request)) return Outcome::kGrpc;
  if (type.empty() || !IsListed(rules, type)) return Outcome::kType;
  if (IsTooShort(rules, response)) return Outcome::kTooShort;
  if (ForbidsTransform(fields)) return Outcome::kNoTransform;
  return Outcome::kEncoded;
}

}  // namespace

bool IsTypePattern(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return false;
  const std::string_view type = text.substr(0, slash);
  const std::string_view subtype = text.substr(slash + 1);
  const auto is_name = [](std::string_view name) {
    return http::IsToken(name) && name.find('*') == std::string_view::npos;
  };
  if (subtype == "*") return type == "*" || is_name(type);
  return is_name(type) && is_name(subtype);
}

Decision Decide(const Rules& rules, const Acceptance& accepted, const http::RequestHead& request,
                const http::ResponseHead& response) {
  const Outcome outcome = JudgeResponse(rules, request, response);
  if (outcome != Outcome::kEncoded) return {.outcome = outcome};
  const auto keep = [](Outcome why) { return Decision{.outcome = why, .vary = true}; };
  if (ForbidsTransform(request.headers)) return keep(Outcome::kNoTransform);
  if (request.version == http::Version::kHttp10) return keep(Outcome::kOldClient);
  const Coding best = accepted.Best(rules.algorithms);
  if (best == Coding::kIdentity) return keep(Outcome::kNotAccepted);
  const bool head = request.method == http::Method::kHead;
  return {.outcome = head ? Outcome::kHead : Outcome::kEncoded, .coding = best, .vary = true};
}

}  // namespace holdfast::compression
