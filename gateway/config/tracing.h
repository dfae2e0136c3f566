#ifndef HOLDFAST_GATEWAY_CONFIG_TRACING_H_
#define HOLDFAST_GATEWAY_CONFIG_TRACING_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pool/tls/tls_settings.h"

// What becomes of traces: what a listener keeps of them, and where the spans go.

namespace holdfast::config {

// What becomes of W3C's trace fields (policy/trace_context.h): what is well formed is kept.
struct TraceRule {
  // Of a million requests that come without, how many begin a trace that is sampled; the others
  // begin one that is not. nullopt: none is begun.
  std::optional<uint32_t> sample;
};

// A field that export requests have besides their own.
struct ExportHeader {
  std::string name;
  std::string value;

  bool operator==(const ExportHeader&) const = default;
};

// Spans of sampled requests, on their way to a collector (OTLP/HTTP with JSON).
struct Tracing {
  static constexpr std::string_view kSystemAuthorities = "system";

  std::string otlp;                    // the collector's URL
  std::string ca{kSystemAuthorities};  // who may vouch for its server: those, or a file
  std::string service_name = "holdfast";
  std::vector<ExportHeader> headers;
  std::chrono::nanoseconds timeout = std::chrono::seconds(5);   // for one export request
  std::chrono::nanoseconds interval = std::chrono::seconds(1);  // that spans wait for others
  uint32_t max_batch = 512;                                     // spans of one export request
  uint32_t max_queue = 2048;  // spans that wait, in all; more are dropped

  // Once files were read (route/collector_files.h): what that of `ca` holds; empty: the system's.
  pool::TlsFile authorities;

  bool operator==(const Tracing&) const = default;
};

// Whether it is a URL (fetch/url.h) with a path that is more than "/". Pure; safe on any bytes.
bool IsCollectorUrl(std::string_view url);

// A field that `headers` may have: not one that an export request has by itself.
bool IsExportField(std::string_view name);

}  // namespace holdfast::config

#endif  // HOLDFAST_GATEWAY_CONFIG_TRACING_H_
