// Certificates that are swapped under load.

#include <signal.h>

#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/integration/tls_edge.h"
#include "tests/pool/tls/support/test_certificates.h"
#include "tests/support/gateway_process.h"
#include "tests/support/subprocess.h"

namespace holdfast::support {
namespace {

constexpr char kHandshakes[] = "holdfast_client_tls_handshakes_total";

// A certificate and its key that others take the place of.
class SwapTest : public testing::Test {
 protected:
  // Both files; the next ones are for another name beside a.test, by which they are told apart.
  std::string WriteNext() {
    ++swaps_;
    name_ = "n" + std::to_string(swaps_) + ".test";
    return files_.Keyed("site", pool::SiteFor({"a.test", name_}));
  }
  // A client that has connected since then has seen the latest one.
  void AwaitServed(const Subprocess& clients) {
    EXPECT_TRUE(Eventually([&] {
      return clients.Stdout().find(" " + name_ + "\n") != std::string::npos;
    })) << name_
        << " is not served: " << clients.Stderr();
  }

  int swaps_ = 0;
  std::string name_;
  Files files_;
  const std::string authority_ = files_.Authority();
  const std::string config_ = Listener("certificates: [{" + WriteNext() + "}]") + kHello;
  GatewayProcess gateway_{config_};
};

TEST_F(SwapTest, FiftyCertificatesUnderLoadAndNoClientNotices) {
  Subprocess clients({"/usr/bin/python3", "tests/integration/tls_load.py", gateway_.address(),
                      authority_, "4", "3"});
  AwaitServed(clients);
  // Most are told of by a signal; the others are found by themselves, when they have settled.
  for (int swap = 0; swap < 50; ++swap) {
    WriteNext();
    if (swap % 10 != 9) gateway_.Reload(config_);
    AwaitServed(clients);
  }
  clients.Signal(SIGTERM);
  ASSERT_EQ(clients.Wait(), 0) << clients.Stderr();
  const std::string out = clients.Stdout();
  const auto result = nlohmann::json::parse(out.substr(out.rfind('{')), nullptr, false);
  ASSERT_TRUE(result.is_object()) << out.substr(out.rfind('{'));
  EXPECT_EQ(result["failures"].dump(), "[]");
  EXPECT_GE(result["new"].get<int>(), 50);
  EXPECT_GE(result["kept"].get<int>(), 50);
  const MetricsScrape scrape = gateway_.Scrape();
  // Those that were kept have made one handshake each, at the begin.
  EXPECT_EQ(scrape.Value(kHandshakes, {{"result", "ok"}}), result["new"].get<int>() + 4);
  EXPECT_EQ(scrape.Value(kHandshakes), scrape.Value(kHandshakes, {{"result", "ok"}}));
  EXPECT_GE(scrape.Value("holdfast_tls_file_reloads_total", {{"result", "success"}}), 5);
}

}  // namespace
}  // namespace holdfast::support
