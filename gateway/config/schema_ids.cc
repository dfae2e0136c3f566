#include "gateway/config/config.h"
#include "gateway/config/field.h"
#include "gateway/config/scalar_shapes.h"
#include "gateway/config/schema.h"
#include "gateway/config/text_checks.h"
#include "gateway/config/units.h"

// The tables of `request_id` and `trace` of listeners.

namespace holdfast::config {
namespace {

using Kind = Shape::Kind;

bool IsShare(std::string_view text) { return ParseShare(text).has_value(); }

// request_id.
constexpr Shape kRequestIdMode = WordShape<RequestIdMode>();
constexpr Shape kRequestIdField = {
    .kind = Kind::kText,
    .expected = "a field name such as x-request-id that the gateway has no other use for",
    .check = IsRequestIdFieldName,
};
constexpr Key kRequestIdKeys[] = {
    Field<&RequestIds::mode>(
        "mode", kRequestIdMode,
        "keep: a client's own, if it is 1 to 128 letters, digits and -_.:+/= (else a new one); "
        "create: always a new one, a UUID of version 7."),
    Field<&RequestIds::header>(
        "header", kRequestIdField,
        "The field that has it, in the request to the upstream and in the response."),
};

// trace.
constexpr Shape kShare = {
    .kind = Kind::kText,
    .expected = "a share from 0 to 1 with at most six decimals, such as 0.01",
    .check = IsShare,
};
void ReadSample(const YamlNode& node, TraceRule* rule) { rule->sample = ParseShare(node.text); }
std::string WriteSample(const TraceRule& rule) { return FormatShare(rule.sample.value_or(0)); }
constexpr Key kTraceKeys[] = {
    Custom<&ReadSample, &WriteSample>(
        "sample", kShare,
        "Begins a trace for each request that comes without one; so many of them are sampled.")
        .Required("0.01"),
};
constexpr std::string_view kKeepWord[] = {"keep"};
constexpr Shape kKeep = {.kind = Kind::kWord, .words = kKeepWord};

constexpr Shape WithShortForm(Shape shape, const Shape& short_form) {
  shape.short_form = &short_form;
  return shape;
}

}  // namespace

constexpr Shape kRequestIds = WithShortForm(
    OrWords(Mapping<RequestIds>("keep, create or a mapping such as {mode: keep, header: "
                                "x-request-id}",
                                kRequestIdKeys),
            kOff),
    kRequestIdMode);
constexpr Shape kTrace = WithShortForm(
    OrWords(Mapping<TraceRule>("keep or a mapping such as {sample: 0.01}", kTraceKeys), kOff),
    kKeep);

}  // namespace holdfast::config
