#include "gateway/acme/keeper.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "gateway/acme/storage.h"
#include "gateway/tls/acme_files.h"
#include "metrics/registry.h"
#include "tests/gateway/acme/fake_authority.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_dir.h"

namespace holdfast::acme {
namespace {

using metrics::Metric;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class KeeperTest : public testing::Test {
 protected:
  KeeperTest() {
    // Certificates are made by another clock.
    clock_.SetWall(pool::SystemClock().WallNow());
    keeper_ = std::make_unique<Keeper>(
        &loop_, registry_.AddShard(),
        Keeper::Callbacks{
            .connect =
                [this](const config::Dns&, pool::TlsFile authorities) {
                  authorities_ = authorities.pem;
                  return std::make_unique<FakeExchanges>(&loop_, &authority_);
                },
            .publish =
                [this](std::shared_ptr<const Challenges> challenges, std::function<void()> known) {
                  published_ = std::move(challenges);
                  known_ = std::move(known);
                  if (known_ != nullptr) loop_.Queue(known_task_);
                },
            .refresh = [this] { ++refreshes_; },
            .log = [this](Keeper::Gravity, const std::string& line) { log_ += line + "\n"; }});
  }
  ~KeeperTest() override {
    keeper_.reset();
    loop_.DestroyAside();
  }

  config::Config ConfigFor(const std::vector<std::string>& names) {
    config::Config config;
    config.listeners.push_back({.name = "edge", .tls = config::ListenerTls()});
    config.listeners.back().tls->acme = acme_;
    config.listeners.back().tls->acme->names = names;
    return config;
  }
  void Adopt(const std::vector<std::string>& names = {"a.test"}) {
    keeper_->Adopt(ConfigFor(names));
  }
  // So much time, in small steps.
  void Pass(pool::Duration time) {
    const pool::Duration step =
        std::max<pool::Duration>(time / 200, std::chrono::milliseconds(100));
    for (pool::Duration passed{0}; passed <= time; passed += step) {
      for (int turn = 0; turn < 25; ++turn) loop_.RunOnce(pool::Duration::zero());
      clock_.Advance(step);
    }
  }
  void TellKnown() { known_(); }
  void SeeProof() { seen_ = Storage(acme_.storage).ReadProof(); }
  int Orders() const { return authority_.Count("POST /order"); }
  uint64_t Count(const std::string& result) const {
    const metrics::Sums sums = registry_.Collect();
    const auto& counts = sums.Of<metrics::Counter>(Metric::kAcmeOrdersTotal);
    const auto count = counts.find({"edge", result});
    return count == counts.end() ? 0 : count->second;
  }
  // Puts a certificate into the storage, as another process would.
  void Keep(const pool::Issued& issued, const std::string& name = "a.test") {
    ASSERT_TRUE(Storage(acme_.storage).Prepare().ok());
    ASSERT_TRUE(Storage(acme_.storage)
                    .WriteCertificate(kDirectory, name, issued.pem(), issued.key_file().pem)
                    .ok());
  }
  static pool::Issued Certificate(int begins_in_days, int ends_in_days) {
    return pool::IssuedBy(
        pool::TestAuthority(),
        {.names = {"dns:a.test"}, .begins_in_days = begins_in_days, .ends_in_days = ends_in_days});
  }
  bool Logged(const std::string& text) const { return log_.find(text) != std::string::npos; }

  support::TempDir dir_;
  config::ListenerAcme acme_{.directory = kDirectory, .storage = dir_.Path("store")};
  pool::ManualClock clock_;
  pool::EventLoop loop_{&clock_};
  metrics::Registry registry_;
  FakeAuthority authority_;
  std::string authorities_;
  std::shared_ptr<const Challenges> published_;
  std::function<void()> known_;
  int refreshes_ = 0;
  std::string log_;
  std::unique_ptr<Keeper> keeper_;
  std::string seen_;  // of the proof that others see
  pool::MemberTask<KeeperTest, &KeeperTest::SeeProof> look_task_{this};
  pool::MemberTask<KeeperTest, &KeeperTest::TellKnown> known_task_{this};
};

TEST_F(KeeperTest, AMissingCertificateIsOrderedAndTakenIntoUse) {
  Adopt();
  Pass(seconds(5));
  EXPECT_TRUE(tls::ReadAcmeCertificate(acme_, "a.test").ok()) << log_;
  EXPECT_EQ(refreshes_, 1);
  EXPECT_EQ(published_, nullptr) << "withdrawn";
  EXPECT_EQ(Count("ok"), 1u);
  EXPECT_TRUE(Logged("acme: a.test: ordering a certificate at https://ca.test/dir, by http-01"));
  EXPECT_TRUE(Logged("acme: a.test: the certificate is good until "));
  Pass(hours(48));
  EXPECT_EQ(Orders(), 1) << "it is good for long";
}

TEST_F(KeeperTest, OneThatIsThereIsLeftAlone) {
  Keep(Certificate(-1, 89));
  Adopt();
  Pass(seconds(5));
  EXPECT_EQ(Orders(), 0);
}

TEST_F(KeeperTest, OneIsRenewedWithAThirdOfItsLifeLeft) {
  Keep(Certificate(-1, 29));
  authority_.certificate.ends_in_days = 60;
  Adopt();
  Pass(hours(24) * 17);
  EXPECT_EQ(Orders(), 0);
  clock_.Advance(hours(24) * 2);
  Pass(seconds(30));
  EXPECT_EQ(Orders(), 1);
  EXPECT_TRUE(Logged("to renew the one that is there"));
  EXPECT_EQ(Count("ok"), 1u);
}

TEST_F(KeeperTest, AnAuthorityThatSaysWhenIsObeyed) {
  Keep(Certificate(-1, 29));
  authority_.certificate.ends_in_days = 60;
  authority_.directory_more = R"(, "renewalInfo": "https://ca.test/ari")";
  const std::string path =
      "/ari/" + RenewalName(tls::ReadAcmeCertificate(acme_, "a.test")->certificate.chain);
  authority_.Say(path,
                 {.status = 200, .body = R"({"suggestedWindow": {"start": "2020-01-02T00:00:00Z",
                                                  "end": "2020-01-03T00:00:00Z"},
                              "explanationURL": "https://ca.test/revoked"})"},
                 1000);
  Adopt();
  Pass(seconds(5));
  EXPECT_EQ(Orders(), 1) << "at once: all are to be replaced";
  EXPECT_TRUE(Logged("https://ca.test/revoked"));
  EXPECT_NE(authority_.payloads["/order"].find("\"replaces\":\""), std::string::npos);
}

TEST_F(KeeperTest, AWindowInTheFutureIsWaitedFor) {
  Keep(Certificate(-60, 20));  // due already, by its life
  authority_.directory_more = R"(, "renewalInfo": "https://ca.test/ari")";
  const std::string path =
      "/ari/" + RenewalName(tls::ReadAcmeCertificate(acme_, "a.test")->certificate.chain);
  authority_.Say(path,
                 {.status = 200, .body = R"({"suggestedWindow": {"start": "2199-01-02T00:00:00Z",
                                                  "end": "2199-01-03T00:00:00Z"}})"},
                 1000);
  Adopt();
  Pass(hours(23));
  EXPECT_EQ(Orders(), 0);
  EXPECT_EQ(authority_.Count("GET " + path), 4) << "every six hours";
}

TEST_F(KeeperTest, NoWindowIsWaitedForToTheVeryEnd) {
  Keep(Certificate(-80, 20));
  authority_.directory_more = R"(, "renewalInfo": "https://ca.test/ari")";
  authority_.certificate.ends_in_days = 400;
  const std::string path =
      "/ari/" + RenewalName(tls::ReadAcmeCertificate(acme_, "a.test")->certificate.chain);
  authority_.Say(path,
                 {.status = 200, .body = R"({"suggestedWindow": {"start": "2199-01-02T00:00:00Z",
                                                  "end": "2199-01-03T00:00:00Z"}})"},
                 1000);
  Adopt();
  Pass(hours(24 * 9));
  EXPECT_EQ(Orders(), 0);
  clock_.Advance(hours(24 * 2));
  Pass(seconds(30));
  EXPECT_EQ(Orders(), 1) << "a tenth of its life is left";
}

TEST_F(KeeperTest, AFailureIsToldAndTriedAgainLaterAndLater) {
  authority_.proof_error = R"({"type": "urn:ietf:params:acme:error:connection", "detail": "none"})";
  Adopt();
  Pass(seconds(30));
  EXPECT_EQ(Orders(), 1);
  EXPECT_TRUE(
      Logged("acme: a.test: no certificate: challenge_failed: http-01: connection: none; "
             "clients see a temporary one; the next try is in "))
      << log_;
  EXPECT_EQ(Count("challenge_failed"), 1u);
  Pass(seconds(60));
  EXPECT_EQ(Orders(), 2);
  Pass(minutes(60));
  EXPECT_LE(Orders(), 5);
  EXPECT_GE(Orders(), 4);
  authority_.proof_error.clear();
  Pass(hours(3));
  EXPECT_EQ(Count("ok"), 1u);
}

TEST_F(KeeperTest, AReloadBringsTheNextTryNearer) {
  authority_.proof_error = R"({"detail": "none"})";
  Adopt();
  Pass(minutes(18));
  const int before = Orders();
  Pass(minutes(2));
  EXPECT_EQ(Orders(), before) << "the next would be in half an hour";
  Adopt();
  Pass(seconds(5));
  EXPECT_EQ(Orders(), before) << "nothing has changed";
  acme_.email = "ops@a.test";
  Adopt();
  Pass(seconds(5));
  EXPECT_EQ(Orders(), before + 1);
  acme_.email = "";
  Adopt();
  Pass(seconds(5));
  EXPECT_EQ(Orders(), before + 1) << "but not at every reload";
}

TEST_F(KeeperTest, WhatAnAuthorityAskedForIsWaitedForWhateverIsReloaded) {
  fetch::Response limited = FakeAuthority::Problem(429, "rateLimited", "too many");
  limited.retry_after = "7200";
  authority_.Say("/order", limited, 1000);
  Adopt({"a.test", "b.test"});
  Pass(minutes(30));
  EXPECT_EQ(Orders(), 1) << "the other name would be refused, too";
  acme_.email = "ops@a.test";
  Adopt({"a.test", "b.test"});
  Pass(minutes(60));
  EXPECT_EQ(Orders(), 1);
  Pass(minutes(35));
  EXPECT_EQ(Orders(), 2);
  EXPECT_NE(authority_.payloads["/order"].find("b.test"), std::string::npos) << "it has its turn";
}

TEST_F(KeeperTest, AnAuthorityThatIsNotThereIsNotAskedForEachName) {
  authority_.Say("/dir", {.trouble = "nobody there"}, 1000);
  Adopt({"a.test", "b.test", "c.test", "d.test"});
  Pass(minutes(30));
  EXPECT_LE(authority_.Count("GET /dir"), 4);
  EXPECT_GE(authority_.Count("GET /dir"), 3);
  const int before = authority_.Count("GET /dir");
  acme_.ca = dir_.Write("ca.pem", "authority");
  Adopt({"a.test", "b.test", "c.test", "d.test"});
  Pass(seconds(20));
  EXPECT_EQ(authority_.Count("GET /dir"), before + 1) << "that may have been mended";
}

TEST_F(KeeperTest, ANameMoreDisturbsNothing) {
  authority_.certificate.names = {"dns:a.test", "dns:b.test"};
  authority_.looks_until_proof = 10;
  Adopt();
  Pass(seconds(3));
  Adopt({"a.test", "b.test"});
  Pass(seconds(1));
  EXPECT_EQ(Orders(), 1);
  Pass(seconds(300));
  EXPECT_EQ(Count("ok"), 2u) << log_;
  EXPECT_EQ(Orders(), 2);
}

TEST_F(KeeperTest, TheCalendarDelaysNoTry) {
  authority_.proof_error = R"({"detail": "none"})";
  Adopt();
  Pass(seconds(5));
  EXPECT_EQ(Orders(), 1);
  clock_.SetWall(clock_.WallNow() - hours(24 * 365));
  Pass(minutes(2));
  EXPECT_EQ(Orders(), 2);
  clock_.SetWall(clock_.WallNow() + hours(24 * 365));
  Pass(seconds(5));
  EXPECT_EQ(Orders(), 2) << "nor brings it nearer";
}

TEST_F(KeeperTest, AFileThatCannotBeReadIsNotOrderedAnew) {
  Keep(Certificate(-1, 89));
  Adopt();
  Pass(seconds(5));
  const int before = refreshes_;
  const std::string path = tls::AcmeFilePath(acme_, "a.test");
  ASSERT_EQ(unlink(path.c_str()), 0);
  ASSERT_EQ(mkdir(path.c_str(), 0700), 0);  // reading it is an error of the system
  Pass(hours(2));
  EXPECT_TRUE(Logged("cannot be read: Is a directory"));
  ASSERT_EQ(rmdir(path.c_str()), 0);
  dir_.Write("store/" + tls::AcmeFileName(kDirectory, "a.test"), "torn");
  Pass(hours(2));
  EXPECT_TRUE(Logged("no certificate in it"));
  EXPECT_EQ(Orders(), 0);
  EXPECT_EQ(refreshes_, before);
  ASSERT_EQ(unlink(path.c_str()), 0);
  Pass(minutes(11));
  EXPECT_EQ(Orders(), 1) << "somebody wants a new one";
}

TEST_F(KeeperTest, OneThatCannotBeReadAtFirstIsLookedAtAgain) {
  const std::string path = tls::AcmeFilePath(acme_, "a.test");
  ASSERT_TRUE(Storage(acme_.storage).Prepare().ok());
  ASSERT_EQ(mkdir(path.c_str(), 0700), 0);
  Adopt();
  Pass(minutes(10));
  EXPECT_EQ(authority_.asked.size(), 0u);
  ASSERT_EQ(rmdir(path.c_str()), 0);
  Pass(Keeper::kFileRetry + seconds(5));
  EXPECT_EQ(Orders(), 1);
}

TEST_F(KeeperTest, WhatHasComeAndCannotBeWrittenIsNotOrderedTwice) {
  const std::string early = tls::AcmeFilePath(acme_, "a.test") + ".new";
  ASSERT_TRUE(Storage(acme_.storage).Prepare().ok());
  ASSERT_EQ(mkdir(early.c_str(), 0700), 0);
  Adopt();
  Pass(minutes(10));
  EXPECT_GE(Count("storage"), 5u);
  EXPECT_TRUE(Logged("what came is kept in memory")) << log_;
  EXPECT_EQ(Orders(), 1);
  ASSERT_EQ(rmdir(early.c_str()), 0);
  Pass(Keeper::kFileRetry + seconds(5));
  EXPECT_EQ(Count("ok"), 1u) << log_;
  EXPECT_TRUE(tls::ReadAcmeCertificate(acme_, "a.test").ok());
  EXPECT_EQ(refreshes_, 1);
  Pass(hours(24));
  EXPECT_EQ(Orders(), 1);
}

TEST_F(KeeperTest, WithoutAProofThatOthersSeeTheAuthorityIsNotAsked) {
  ASSERT_TRUE(Storage(acme_.storage).Prepare().ok());
  ASSERT_EQ(mkdir(dir_.Path("store/proof.new").c_str(), 0700), 0);
  Adopt();
  Pass(seconds(5));
  EXPECT_EQ(Count("storage"), 1u) << log_;
  EXPECT_EQ(authority_.Count("POST /challenge/1"), 0);
  EXPECT_EQ(published_, nullptr);
}

TEST_F(KeeperTest, AnOrderThatWasGivenUpPublishesNothing) {
  for (const char* const path : {"/account", "/authorization/1", "/certificate/1"}) {
    authority_.handlers[path] = [&](const fetch::Request&) -> std::optional<fetch::Response> {
      keeper_->Stop();
      return std::nullopt;
    };
    acme_.storage = dir_.Path("at" + std::to_string(authority_.asked.size()));
    Adopt();
    Pass(seconds(5));
    EXPECT_FALSE(authority_.handlers.contains(path)) << "it has come so far";
    EXPECT_EQ(published_, nullptr) << path;
    EXPECT_EQ(refreshes_, 0) << path;
  }
}

TEST_F(KeeperTest, AnOldOrderLeavesTheProofOfTheNewOneAlone) {
  bool asked = false;
  authority_.handlers["/authorization/1"] =
      [&](const fetch::Request&) -> std::optional<fetch::Response> {
    if (std::exchange(asked, true)) return std::nullopt;
    acme_.email = "ops@a.test";
    Adopt();
    const Proof proof{.subject = "new", .answer = "new.thumbprint"};
    EXPECT_TRUE(
        Storage(acme_.storage).WriteProof(FormatProof(proof, clock_.WallNow() + hours(1))).ok());
    loop_.Queue(look_task_);
    return fetch::Response{
        .status = 200,
        .body = R"({"status": "pending", "challenges": [{"type": "http-01", "status": "pending",
                    "url": "https://ca.test/challenge/1", "token": "old"}]})"};
  };
  Adopt();
  Pass(seconds(1));
  EXPECT_NE(seen_.find(" new "), std::string::npos) << seen_;
  Pass(seconds(20));
  EXPECT_EQ(Count("ok"), 1u) << log_;
}

TEST_F(KeeperTest, OneThatIsNoneIsOrderedAnew) {
  ASSERT_TRUE(Storage(acme_.storage).Prepare().ok());
  dir_.Write("store/a.test@ca.test-3f0f069f.pem", "garbage");
  Adopt();
  Pass(seconds(5));
  EXPECT_TRUE(Logged("a.test@ca.test-3f0f069f.pem"));
  EXPECT_EQ(Count("ok"), 1u) << log_;
}

TEST_F(KeeperTest, WhatAnotherProcessOrdersIsWaitedFor) {
  const Storage storage(acme_.storage);
  ASSERT_TRUE(storage.Prepare().ok());
  absl::StatusOr<pool::FileDescriptor> lock = storage.TryLock();
  ASSERT_TRUE(lock.ok() && lock->valid());
  Adopt();
  Pass(seconds(30));
  EXPECT_EQ(authority_.asked.size(), 0u);
  Keep(Certificate(-1, 89));
  Pass(seconds(10));
  EXPECT_EQ(refreshes_, 1);
  lock->Reset();
  Pass(minutes(30));
  EXPECT_EQ(Orders(), 0);
}

TEST_F(KeeperTest, WhatAnotherProcessHasRenewedIsNoticed) {
  Keep(Certificate(-1, 89));
  Adopt();
  Pass(seconds(5));
  const int before = refreshes_;
  Keep(Certificate(0, 90));
  Pass(Keeper::kLookEvery + seconds(30));
  EXPECT_EQ(refreshes_, before + 1);
}

TEST_F(KeeperTest, AFileThatChangesIsLookedAtWhenItIsToldOf) {
  Keep(Certificate(-1, 89));
  Adopt();
  Pass(seconds(5));
  const int before = refreshes_;
  dir_.Write("store/a.test@ca.test-3f0f069f.pem", "garbage");
  keeper_->LookAtFiles();
  EXPECT_TRUE(Logged("a.test@ca.test-3f0f069f.pem")) << log_;
  Keep(Certificate(0, 90));
  keeper_->LookAtFiles();
  Pass(seconds(1));
  EXPECT_EQ(refreshes_, before + 1);
  EXPECT_EQ(Orders(), 0);
}

TEST_F(KeeperTest, AStorageThatCannotBeUsedIsAFailure) {
  acme_.storage = dir_.Path("no/such/store");
  Adopt();
  Pass(seconds(5));
  EXPECT_EQ(Count("storage"), 1u);
  EXPECT_TRUE(Logged("no/such/store: cannot be made"));
  EXPECT_EQ(authority_.asked.size(), 0u);
}

TEST_F(KeeperTest, AuthoritiesAreReadForEachOrder) {
  acme_.ca = dir_.Path("ca.pem");
  Adopt();
  Pass(seconds(5));
  EXPECT_TRUE(Logged("ca.pem: cannot be read: No such file"));
  dir_.Write("ca.pem", "authority");
  Pass(minutes(2));
  EXPECT_EQ(authorities_, "authority");
  EXPECT_EQ(Count("ok"), 1u);
}

TEST_F(KeeperTest, NamesAreOrderedOneAfterTheOther) {
  authority_.certificate.names = {"dns:a.test", "dns:b.test"};
  Adopt({"a.test", "b.test"});
  Pass(seconds(20));
  EXPECT_EQ(Count("ok"), 2u) << log_;
  EXPECT_EQ(authority_.Count("POST /account"), 1) << "one account for both";
  EXPECT_TRUE(tls::ReadAcmeCertificate(acme_, "b.test").ok());
}

TEST_F(KeeperTest, ANameThatIsNotWantedAnyMoreIsGivenUp) {
  authority_.looks_until_proof = 1'000'000;
  Adopt();
  Pass(seconds(5));
  EXPECT_NE(published_, nullptr);
  keeper_->Adopt(config::Config());
  Pass(seconds(1));
  EXPECT_EQ(published_, nullptr);
  absl::StatusOr<pool::FileDescriptor> lock = Storage(acme_.storage).TryLock();
  EXPECT_TRUE(lock.ok() && lock->valid()) << "another may order";
  const size_t asked = authority_.asked.size();
  Pass(hours(1));
  EXPECT_EQ(authority_.asked.size(), asked);
}

TEST_F(KeeperTest, TheSameConfigurationAgainDisturbsNothing) {
  authority_.looks_until_proof = 10;
  Adopt();
  Pass(seconds(3));
  Adopt();
  Pass(seconds(100));
  EXPECT_EQ(Count("ok"), 1u);
  EXPECT_EQ(Orders(), 1);
}

TEST_F(KeeperTest, AfterStopNothingIsOrdered) {
  authority_.looks_until_proof = 1'000'000;
  Adopt();
  Pass(seconds(5));
  keeper_->Stop();
  EXPECT_EQ(published_, nullptr);
  const size_t asked = authority_.asked.size();
  Pass(hours(1));
  EXPECT_EQ(authority_.asked.size(), asked);
}

// Or it would be ordered for ever, as fast as the authority answers.
TEST_F(KeeperTest, ACertificateThatIsBornOldIsNotRenewedInACircle) {
  authority_.certificate.begins_in_days = -60;
  authority_.certificate.ends_in_days = 1;
  Adopt();
  Pass(seconds(50));
  EXPECT_EQ(Orders(), 1);
}

// A balancer leads the authority to any of them.
TEST_F(KeeperTest, WhatAnotherProcessIsAskedForIsShownHereToo) {
  Keep(Certificate(-1, 89));
  Adopt();
  Pass(seconds(5));
  const Storage storage(acme_.storage);
  const Proof proof{.subject = "abc", .answer = "abc.thumbprint"};
  ASSERT_TRUE(storage.WriteProof(FormatProof(proof, clock_.WallNow() + minutes(1))).ok());
  Pass(seconds(2));
  ASSERT_NE(published_, nullptr);
  EXPECT_NE(published_->AnswerFor("/.well-known/acme-challenge/abc"), nullptr);
  ASSERT_TRUE(storage.WriteProof("").ok());
  Pass(seconds(2));
  EXPECT_EQ(published_, nullptr);
  ASSERT_TRUE(storage.WriteProof(FormatProof(proof, clock_.WallNow() + minutes(1))).ok());
  Pass(seconds(2));
  EXPECT_NE(published_, nullptr);
  Pass(minutes(2));
  EXPECT_EQ(published_, nullptr) << "who wrote it was killed";
}

TEST_F(KeeperTest, WithOthersTheAuthorityIsKeptWaitingUntilTheyHaveSeenTheProof) {
  const Storage storage(acme_.storage);
  ASSERT_TRUE(storage.Prepare().ok());
  const absl::StatusOr<pool::FileDescriptor> other = storage.ShowPresence();
  ASSERT_TRUE(other.ok());
  std::string proof;
  authority_.on_challenge = [&] { proof = storage.ReadProof(); };
  Adopt();
  Pass(seconds(2));
  EXPECT_EQ(authority_.Count("POST /challenge/1"), 0);
  EXPECT_NE(storage.ReadProof(), "");
  Pass(seconds(5));
  EXPECT_EQ(authority_.Count("POST /challenge/1"), 1);
  EXPECT_TRUE(ParseProof(proof, clock_.WallNow()).has_value()) << proof;
  EXPECT_EQ(Count("ok"), 1u);
  EXPECT_EQ(storage.ReadProof(), "") << "it is over";
}

}  // namespace
}  // namespace holdfast::acme
