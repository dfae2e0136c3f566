#ifndef HOLDFAST_GATEWAY_HTTP_FORWARDED_H_
#define HOLDFAST_GATEWAY_HTTP_FORWARDED_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "pool/net/word_table.h"

namespace holdfast::http {

// What says how a request came here: the fields of convention, and that of RFC 7239. Everything
// here is pure and allocates nothing.

enum class ForwardedField : uint8_t { kFor, kProto, kHost, kPort, kForwarded };
inline constexpr auto kForwardedFieldWords = pool::Words<ForwardedField>({
    {"x_forwarded_for", ForwardedField::kFor},
    {"x_forwarded_proto", ForwardedField::kProto},
    {"x_forwarded_host", ForwardedField::kHost},
    {"x_forwarded_port", ForwardedField::kPort},
    {"forwarded", ForwardedField::kForwarded},
});
constexpr const auto& WordsOf(ForwardedField) { return kForwardedFieldWords; }

// A set of them.
class ForwardedFields {
 public:
  constexpr ForwardedFields() = default;
  constexpr ForwardedFields(std::initializer_list<ForwardedField> fields) {
    for (const ForwardedField field : fields) Add(field);
  }
  constexpr void Add(ForwardedField field) { bits_ |= Bit(field); }
  constexpr bool Has(ForwardedField field) const { return (bits_ & Bit(field)) != 0; }
  bool operator==(const ForwardedFields&) const = default;

 private:
  static constexpr uint8_t Bit(ForwardedField field) {
    return static_cast<uint8_t>(1u << static_cast<int>(field));
  }
  uint8_t bits_ = 0;
};
inline constexpr ForwardedFields kUsualForwardedFields = {
    ForwardedField::kFor, ForwardedField::kProto, ForwardedField::kHost};

// One element of Forwarded (RFC 7239 section 4).
struct ForwardedElement {
  std::string_view ip;     // empty: it is not known
  std::string_view host;   // as the client sent it; empty: there is none
  std::string_view proto;  // empty: it is not said
};
// Room for it as text.
constexpr size_t ForwardedElementBound(const ForwardedElement& element) {
  return sizeof("for=\"[]\";host=\"\";proto=unknown") + element.ip.size() +
         2 * element.host.size() + element.proto.size();
}
// Writes it, IPv6 and what else needs it in quotes; returns the text's end.
char* WriteForwardedElement(const ForwardedElement& element, char* to);

// Takes the last element off the value of a Forwarded field. It looks from the end, where our own
// proxies write: a quote that somebody left open further left does not hide what they say.
std::string_view TakeLastForwarded(std::string_view* list);
// The node of its `for`, without quotes: "192.0.2.1:4711", "[2001:db8::1]", "unknown", "_hidden";
// empty when there is none, when there are several, or when the element is malformed.
std::string_view ForwardedNode(std::string_view element);

}  // namespace holdfast::http

#endif  // HOLDFAST_GATEWAY_HTTP_FORWARDED_H_
