#include "tests/pool/tls/support/tls_worker.h"

#include <utility>

#include <gtest/gtest.h>

namespace holdfast::pool {

std::shared_ptr<TlsServerContext> ServerWith(const TlsServerSettings& settings) {
  // All workers share them.
  static const auto keys = std::make_shared<const TicketKeys>(*TicketKeys::Fresh());
  auto material = TlsServerMaterial::Load(settings);
  EXPECT_TRUE(material.ok()) << material.status();
  return TlsServerContext::Make(*material, settings.tickets.has_value() ? keys : nullptr);
}

std::shared_ptr<TlsClientContext> ClientWith(const TlsSettings& settings) {
  auto material = TlsClientMaterial::Load(settings, nullptr);
  EXPECT_TRUE(material.ok()) << material.status();
  return TlsClientContext::Make(*material);
}

TlsServerSettings SiteSettings() {
  static const Issued site = SiteFor({"a.test"});
  return {.listener = "edge", .certificates = {site.settings()}};
}

TlsSettings UpstreamSettings() {
  return {.server_name = "a.test", .authorities = TestAuthority().chain("ca.pem")};
}

TlsWorker::~TlsWorker() {
  connection.reset();
  Turn();
}

void TlsWorker::Open(std::unique_ptr<Transport> transport) {
  calls = 0;
  ConnectionEvents* const events = this;
  connection = std::make_unique<Connection>(&loop, &slabs, std::move(transport), events,
                                            Connection::Stage::kEstablishing);
  EXPECT_EQ(connection->Open(), 0);
}

void TlsWorker::Serve(std::shared_ptr<TlsServerContext> context, SocketPair pair) {
  connection.reset();
  peer = std::move(pair.theirs);
  Open(std::make_unique<TlsTransport>(std::move(pair.ours), std::move(context)));
}

void TlsWorker::Connect(std::shared_ptr<TlsClientContext> context, SocketPair pair) {
  connection.reset();
  peer = std::move(pair.theirs);
  Open(std::make_unique<TlsTransport>(std::move(pair.ours), std::move(context),
                                      *SocketAddress::FromIp("127.0.0.1", 443)));
}

std::string TlsWorker::Read() {
  std::string all;
  while (connection->Fill(size_t{1} << 24) == FillStatus::kRead) {
    all += connection->in().Linearize(connection->in().size());
    connection->in().Clear();
  }
  return all;
}

FlushStatus TlsWorker::Write(std::string_view bytes) {
  connection->out().Append(bytes);
  return connection->Flush();
}

}  // namespace holdfast::pool
