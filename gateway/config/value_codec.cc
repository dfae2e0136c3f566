#include "gateway/config/value_codec.h"

#include "gateway/config/units.h"

namespace holdfast::config {

std::optional<uint64_t> ParseNumber(const Shape& shape, std::string_view text) {
  switch (shape.kind) {
    case Shape::Kind::kSize: return ParseSize(text);
    case Shape::Kind::kPercent: return ParsePercent(text);
    default: return ParseCount(text);
  }
}

std::string FormatNumber(const Shape& shape, uint64_t number) {
  switch (shape.kind) {
    case Shape::Kind::kSize: return FormatSize(number);
    case Shape::Kind::kPercent: return std::to_string(number) + "%";
    default: return std::to_string(number);
  }
}

void Read(const YamlNode& node, const Shape& /*shape*/, std::string* value, Report* /*report*/) {
  *value = node.text;
}

void Read(const YamlNode& node, const Shape& /*shape*/, bool* value, Report* /*report*/) {
  *value = node.text == "true";
}

void Read(const YamlNode& node, const Shape& /*shape*/, Duration* value, Report* /*report*/) {
  if (const auto duration = ParseDuration(node.text)) *value = *duration;
}

// A bind is a text, or, for the status port, a mapping with one.
void Read(const YamlNode& node, const Shape& shape, Bind* value, Report* report) {
  if (node.is_mapping()) return DecodeMapping(node, shape, value, report);
  if (std::optional<Bind> bind = ParseBind(node.text)) *value = *std::move(bind);
}

void Read(const YamlNode& node, const Shape& /*shape*/, PeerSet* value, Report* /*report*/) {
  for (const YamlNode& item : node.items) value->Add(item.text);
}

void Read(const YamlNode& node, const Shape& /*shape*/, pool::SocketAddress* value,
          Report* /*report*/) {
  if (const auto server = ParseDnsServer(node.text)) *value = *server;
}

void Read(const YamlNode& node, const Shape& shape, Endpoint* value, Report* report) {
  if (node.is_mapping()) return DecodeMapping(node, shape, value, report);
  if (std::optional<Endpoint> endpoint = ParseEndpoint(node.text)) *value = *std::move(endpoint);
}

// The word stands for the names that the RFC has given them.
void Read(const YamlNode& node, const Shape& shape, ClientCertificateHeaders* value,
          Report* report) {
  if (node.is_mapping()) return DecodeMapping(node, shape, value, report);
  *value = {};
  value->certificate = "Client-Cert";
  value->chain = "Client-Cert-Chain";
}

// Either word alone is the mode.
void Read(const YamlNode& node, const Shape& shape, RequestIds* value, Report* report) {
  if (node.is_mapping()) return DecodeMapping(node, shape, value, report);
  Read(node, shape, &value->mode, report);
}

// The word begins no trace.
void Read(const YamlNode& node, const Shape& shape, TraceRule* value, Report* report) {
  *value = {};
  if (node.is_mapping()) DecodeMapping(node, shape, value, report);
}

// A number alone is that of the requests.
void Read(const YamlNode& node, const Shape& shape, MaxInFlight* value, Report* report) {
  if (node.is_mapping()) return DecodeMapping(node, shape, value, report);
  Read(node, *shape.short_form, &value->requests, report);
}

std::string Write(const Shape& /*shape*/, const std::string& value) { return value; }
std::string Write(const Shape& /*shape*/, bool value) { return value ? "true" : "false"; }
std::string Write(const Shape& /*shape*/, Duration value) { return FormatDuration(value); }
std::string Write(const Shape& shape, const Bind& value) {
  return shape.kind == Shape::Kind::kMapping ? "" : value.text;
}

}  // namespace holdfast::config
