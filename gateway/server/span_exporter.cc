#include "gateway/server/span_exporter.h"

#include <memory>
#include <string>
#include <utility>

#include <absl/strings/str_cat.h>

#include "gateway/http/message.h"
#include "gateway/server/op_log.h"
#include "pool/dns/cares_resolver.h"

namespace holdfast::server {

SpanExporter::SpanExporter(const pool::Clock* clock, metrics::Shard* shard)
    : loop_(clock),
      random_(static_cast<uint64_t>(clock->WallNow().time_since_epoch().count())),
      sender_(
          &loop_, shard, &random_,
          {.post = [this](const std::string& body,
                          fetch::Exchanges::Callback answered) { Post(body, std::move(answered)); },
           .tell = [this](const std::string& trouble) { Tell(trouble); }}),
      mailbox_(&loop_) {
  thread_ = std::thread([this] { loop_.Run(); });
}

SpanExporter::~SpanExporter() {
  mailbox_.Post([this] { EndSoon(); });
  thread_.join();
  sender_.GiveUp();
  client_.reset();
  loop_.DestroyAside();
}

void SpanExporter::Configure(const config::Tracing& tracing, const config::Dns& dns) {
  Settings settings{.tracing = tracing, .dns = dns};
  if (configured_ == settings) return;
  configured_ = settings;
  mailbox_.Post([this, settings = std::move(settings)]() mutable {
    settings_ = std::move(settings);
    moved_ = true;
    sender_.Configure(settings_->tracing);
  });
}

void SpanExporter::Submit(SpanSender::Batch spans, SpanSender::Done done) {
  mailbox_.Post([this, spans = std::move(spans), done = std::move(done)]() mutable {
    sender_.Add(std::move(spans), std::move(done));
  });
}

// No exchange is under way here.
void SpanExporter::Post(const std::string& body, fetch::Exchanges::Callback answered) {
  if (std::exchange(moved_, false)) Connect();
  const config::Tracing& tracing = settings_->tracing;
  fetch::Request request{.method = http::Method::kPost,
                         .url = tracing.otlp,
                         .body = body,
                         .content_type = "application/json",
                         .accept_language = "",
                         .clear = true,
                         .keep = true,
                         .max_body_bytes = kMaxAnswerBytes,
                         .dial_timeout = kDialTimeout,
                         .timeout = tracing.timeout};
  for (const config::ExportHeader& header : tracing.headers) {
    request.fields.push_back({.name = header.name, .value = header.value});
  }
  client_->Start(std::move(request), std::move(answered));
}

void SpanExporter::Connect() {
  const config::Dns& dns = settings_->dns;
  client_.emplace(&loop_, &slabs_,
                  std::make_unique<pool::CaresResolver>(
                      &loop_, pool::CaresOptions{.servers = dns.servers,
                                                 .timeout = dns.timeout,
                                                 .attempts = static_cast<int>(dns.attempts),
                                                 .on_trouble = nullptr}),
                  settings_->tracing.authorities);
}

void SpanExporter::Tell(const std::string& trouble) const {
  const std::string& url = settings_->tracing.otlp;
  if (trouble.empty()) return LogInfo(absl::StrCat("tracing: ", url, " takes spans again"));
  LogWarning(absl::StrCat("tracing: spans are lost or late at ", url, ": ", trouble));
}

void SpanExporter::EndSoon() {
  loop_.timers().Arm(patience_timer_, loop_.now() + kLastPatience);
  sender_.Hurry([this] { loop_.Stop(); });
}

}  // namespace holdfast::server
