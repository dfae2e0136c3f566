#include "gateway/policy/field_template.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <absl/status/status.h>

namespace holdfast::policy {
namespace {

// The name in a client's hello may have any byte but NUL, a line's end among them.
bool IsVisible(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

constexpr std::string_view kBegin = "${";
constexpr std::string_view kFieldPrefix = "header:";
constexpr std::string_view kOtherwise = ":-";  // of the environment's

absl::Status UnknownVariable(std::string_view name) {
  std::string text = "${" + std::string(name) + "} is not known; expected one of ";
  for (const std::string_view word : kVariableWords.words()) {
    text += "${" + std::string(word) + "}, ";
  }
  return absl::InvalidArgumentError(text + "${header:NAME}");
}

bool IsFieldName(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

// What is not to be passed on is not there.
std::string_view FirstOf(const http::HeaderList* fields, std::string_view name) {
  if (fields == nullptr) return {};
  for (const http::HeaderField& field : fields->fields()) {
    if (!field.dropped && http::EqualsIgnoreCase(field.name, name)) return field.value;
  }
  return {};
}

std::string_view ValueOf(Variable variable, const TemplateFacts& facts) {
  switch (variable) {
    case Variable::kClientIp: return facts.client_ip;
    case Variable::kClientPort: break;  // no text
    case Variable::kHost: return facts.host;
    case Variable::kPath: return facts.path;
    case Variable::kRoute: return facts.route;
    case Variable::kUpstream: return facts.upstream;
    case Variable::kScheme: return facts.scheme;
    case Variable::kRequestId: return facts.request_id;
    case Variable::kTlsSni: return IsVisible(facts.tls_sni) ? facts.tls_sni : std::string_view();
  }
  return {};
}

}  // namespace

bool IsEnvironmentName(std::string_view name) {
  const auto is_letter = [](char c) { return c >= 'A' && c <= 'Z'; };
  return !name.empty() && is_letter(name.front()) && std::ranges::all_of(name, [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '_';
  });
}

std::string LiteralTemplate(std::string_view text) {
  std::string literal;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i).starts_with(kBegin)) literal += '$';
    literal += text[i];
  }
  return literal;
}

absl::StatusOr<FieldTemplate> FieldTemplate::Parse(std::string_view text) {
  FieldTemplate made;
  std::string before;
  while (true) {
    const size_t dollar = text.find(kBegin);
    if (dollar == std::string_view::npos) break;
    if (dollar > 0 && text[dollar - 1] == '$') {
      before.append(text.substr(0, dollar - 1)).append(kBegin);
      text.remove_prefix(dollar + 2);
      continue;
    }
    before.append(text.substr(0, dollar));
    text.remove_prefix(dollar + 2);
    const size_t end = text.find('}');
    if (end == std::string_view::npos) {
      return absl::InvalidArgumentError("'${' has no '}'; expected $${ for the characters as such");
    }
    const std::string_view name = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (IsEnvironmentName(name.substr(0, name.find(kOtherwise)))) {
      before.append(kBegin).append(name).append("}");
      continue;
    }
    Part part{.before = std::exchange(before, {}), .field = {}};
    if (name.starts_with(kFieldPrefix)) {
      part.field = name.substr(kFieldPrefix.size());
      if (!IsFieldName(part.field)) return UnknownVariable(name);
    } else {
      const std::optional<Variable> variable = kVariableWords.ValueOf(name);
      if (!variable.has_value()) return UnknownVariable(name);
      part.variable = *variable;
      made.used_ |= 1u << static_cast<int>(*variable);
    }
    made.parts_.push_back(std::move(part));
  }
  made.text_ = std::move(before.append(text));
  return made;
}

void FieldTemplate::AppendTo(const TemplateFacts& facts, std::string* out) const {
  for (const Part& part : parts_) {
    out->append(part.before);
    if (!part.field.empty()) {
      out->append(FirstOf(facts.headers, part.field));
    } else if (part.variable == Variable::kClientPort) {
      if (facts.client_port != 0) out->append(std::to_string(facts.client_port));
    } else {
      out->append(ValueOf(part.variable, facts));
    }
  }
  out->append(text_);
}

}  // namespace holdfast::policy
