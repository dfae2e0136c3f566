#ifndef HOLDFAST_GATEWAY_POLICY_FIELD_TEMPLATE_H_
#define HOLDFAST_GATEWAY_POLICY_FIELD_TEMPLATE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "gateway/http/header_list.h"
#include "pool/net/word_table.h"

namespace holdfast::policy {

// What a template may ask for. The words are those of the configuration.
enum class Variable : uint8_t {
  kClientIp,
  kClientPort,
  kHost,
  kPath,
  kRoute,
  kUpstream,
  kScheme,
  kTlsSni,
  kRequestId,
};
inline constexpr auto kVariableWords = pool::Words<Variable>({
    {"client_ip", Variable::kClientIp},
    {"client_port", Variable::kClientPort},
    {"host", Variable::kHost},
    {"path", Variable::kPath},
    {"route", Variable::kRoute},
    {"upstream", Variable::kUpstream},
    {"scheme", Variable::kScheme},
    {"tls_sni", Variable::kTlsSni},
    {"request_id", Variable::kRequestId},
});
constexpr const auto& WordsOf(Variable) { return kVariableWords; }

// Of a request, for the time of a call. What is not known is empty.
struct TemplateFacts {
  std::string_view client_ip;
  uint16_t client_port = 0;  // 0: not known
  std::string_view host;
  std::string_view path;
  std::string_view route;
  std::string_view upstream;
  std::string_view scheme;
  std::string_view tls_sni;
  std::string_view request_id;
  const http::HeaderList* headers = nullptr;  // the request's; null: none
};

// Whether a name is of capitals, digits and underscores and begins with a letter: the environment's
// (config/environment.h), and none of a request's.
bool IsEnvironmentName(std::string_view name);

// A template that says this text, whatever is in it.
std::string LiteralTemplate(std::string_view text);

// A field's value with variables: "${client_ip}", "${header:NAME}" (the request's first field of
// that name); "$${" is "${" itself. "${NAME}" and "${NAME:-x}" with a name of the environment's are
// texts as well: where such a variable was meant, its value was put in before, and what is left was
// "$${NAME}". A value. What it brings in was in a request that had been checked: no CR, LF or NUL.
class FieldTemplate {
 public:
  FieldTemplate() = default;
  // The error says what is wrong and what was expected.
  static absl::StatusOr<FieldTemplate> Parse(std::string_view text);

  // The whole value, where it has no variables.
  bool constant() const { return parts_.empty(); }
  const std::string& text() const { return text_; }
  bool Uses(Variable variable) const { return (used_ >> static_cast<int>(variable) & 1) != 0; }
  void AppendTo(const TemplateFacts& facts, std::string* out) const;

 private:
  // What stands before a variable, and the variable.
  struct Part {
    std::string before;
    Variable variable = Variable::kHost;
    std::string field;  // not empty: this field of the request, instead of the variable
  };

  std::vector<Part> parts_;
  uint32_t used_ = 0;  // a bit for each variable
  std::string text_;   // behind the last of them
};

}  // namespace holdfast::policy

#endif  // HOLDFAST_GATEWAY_POLICY_FIELD_TEMPLATE_H_
