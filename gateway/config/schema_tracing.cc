#include "gateway/config/config.h"
#include "gateway/config/field.h"
#include "gateway/config/scalar_shapes.h"
#include "gateway/config/schema.h"
#include "gateway/config/text_checks.h"
#include "gateway/config/tracing.h"

// The table of `tracing`.

namespace holdfast::config {
namespace {

using Kind = Shape::Kind;

constexpr Shape kCollectorUrl = {
    .kind = Kind::kText,
    .expected = "an http or https URL with a path, such as http://127.0.0.1:4318/v1/traces",
    .check = IsCollectorUrl,
};

// Credentials, as a rule.
constexpr Shape kExportValue = Secret(kFieldValue);
constexpr Shape kExportHeaders = {
    .kind = Kind::kNamed,
    .expected = "a field name such as authorization that export requests do not have by themselves",
    .max = 32,
    .element = &kExportValue,
    .check = IsExportField,
};
void ReadExportHeaders(const YamlNode& node, Tracing* tracing) {
  tracing->headers.clear();
  for (const auto& [name, value] : node.entries) {
    tracing->headers.push_back({.name = name.text, .value = value.text});
  }
}

constexpr Shape kExportTimeout = {
    .kind = Kind::kDuration, .min = 10 * kMillisecond, .max = 60 * kSecond};
constexpr Shape kExportInterval = {
    .kind = Kind::kDuration, .min = 10 * kMillisecond, .max = 60 * kSecond};
constexpr Shape kExportBatch = {.kind = Kind::kCount, .min = 1, .max = 8192};
constexpr Shape kExportQueue = {.kind = Kind::kCount, .min = 1, .max = 65'536};

constexpr Key kTracingKeys[] = {
    Field<&Tracing::otlp>("otlp", kCollectorUrl,
                          "Where spans are posted, as OTLP/HTTP with JSON has it.")
        .Required("http://127.0.0.1:4318/v1/traces"),
    Field<&Tracing::ca>("ca", kServerAuthorities,
                        "Who may vouch for the server of an https URL; system means those of this "
                        "machine."),
    Field<&Tracing::service_name>("service_name", kName, "What spans call this gateway."),
    Custom<&ReadExportHeaders>("headers", kExportHeaders,
                               "Fields for each export request: {authorization: \"Bearer x\"}.")
        .Otherwise("none"),
    Field<&Tracing::timeout>("timeout", kExportTimeout, "Time for one export request."),
    Field<&Tracing::interval>("interval", kExportInterval,
                              "How long spans wait for others to go with."),
    Field<&Tracing::max_batch>("max_batch", kExportBatch, "Most spans of one export request.")
        .AtMost("max_queue"),
    Field<&Tracing::max_queue>(
        "max_queue", kExportQueue,
        "Most spans that wait, shared evenly by the workers; more are dropped."),
};

}  // namespace

constexpr Shape kTracing = OrWords(
    Mapping<Tracing>("a mapping such as {otlp: \"http://127.0.0.1:4318/v1/traces\"}", kTracingKeys),
    kOff);

}  // namespace holdfast::config
