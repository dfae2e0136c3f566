#include "gateway/config/environment.h"

#include <cstdlib>
#include <string_view>

#include "gateway/policy/field_template.h"

namespace holdfast::config {
namespace {

constexpr std::string_view kBegin = "${";
constexpr std::string_view kOtherwise = ":-";

class Expander {
 public:
  Expander(const Environment& environment, Report* report)
      : environment_(environment), report_(report) {}

  std::string Expand(const YamlNode& node) {
    std::string_view rest = node.text;
    std::string text;
    while (true) {
      const size_t begin = rest.find(kBegin);
      const size_t end = begin == rest.npos ? rest.npos : rest.find('}', begin);
      if (end == rest.npos) return text.append(rest);
      const std::string_view inner = rest.substr(begin + 2, end - begin - 2);
      const std::string_view name = inner.substr(0, inner.find(kOtherwise));
      const bool escaped = begin > 0 && rest[begin - 1] == '$';
      if (!policy::IsEnvironmentName(name)) {
        text.append(rest.substr(0, end + 1));
      } else if (escaped) {
        text.append(rest.substr(0, begin - 1)).append(rest.substr(begin, end + 1 - begin));
      } else {
        text.append(rest.substr(0, begin)).append(ValueOf(node, std::string(name), inner));
      }
      rest.remove_prefix(end + 1);
    }
  }

 private:
  std::string ValueOf(const YamlNode& node, const std::string& name, std::string_view inner) {
    const std::optional<std::string> value = environment_(name);
    const bool has_otherwise = inner.size() > name.size();
    if (value.has_value() && !(value->empty() && has_otherwise)) return *value;
    if (has_otherwise) return std::string(inner.substr(name.size() + kOtherwise.size()));
    report_->Error(node.position, "the environment has no variable " + Quoted(name) + "; ${" +
                                      name + ":-x} takes x then");
    return {};
  }

  const Environment& environment_;
  Report* report_;
};

void ExpandAll(Expander* expander, YamlNode* node) {
  if (node->is_scalar() && node->text.find(kBegin) != std::string::npos) {
    node->text = expander->Expand(*node);
  }
  for (YamlNode& item : node->items) ExpandAll(expander, &item);
  for (YamlEntry& entry : node->entries) ExpandAll(expander, &entry.value);
}

}  // namespace

std::optional<std::string> OfThisProcess(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
}

void ExpandEnvironment(const Environment& environment, YamlNode* node, Report* report) {
  Expander expander(environment, report);
  ExpandAll(&expander, node);
}

}  // namespace holdfast::config
