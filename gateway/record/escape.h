#ifndef HOLDFAST_GATEWAY_RECORD_ESCAPE_H_
#define HOLDFAST_GATEWAY_RECORD_ESCAPE_H_

#include <string>
#include <string_view>

namespace holdfast::record {

// How bytes of whatever origin stand within a line. Each appends to `out`, bounded by six times the
// text, and never a control character of ASCII, a bare quote or a bare backslash. Pure.

// Within the quotes of JSON (RFC 8259 section 7): bytes that cannot stand there as they are
// (control characters, invalid UTF-8, RFC 3629) become \u00XX, each by itself.
void AppendJsonText(std::string_view text, std::string* out);

// The same for readers of plain lines: what ends a line or commands a terminal beyond ASCII, too
// (U+0080 to U+009F, U+2028, U+2029).
void AppendQuotedText(std::string_view text, std::string* out);

// As nginx's log escapes its variables by default: a quote, a backslash and every byte that is not
// printable ASCII become \xXX. With `bare` a blank does, too: the text stands without quotes.
void AppendHexText(std::string_view text, bool bare, std::string* out);

}  // namespace holdfast::record

#endif  // HOLDFAST_GATEWAY_RECORD_ESCAPE_H_
