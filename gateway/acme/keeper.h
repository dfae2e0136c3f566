#ifndef HOLDFAST_GATEWAY_ACME_KEEPER_H_
#define HOLDFAST_GATEWAY_ACME_KEEPER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "gateway/acme/challenges.h"
#include "gateway/acme/issuance.h"
#include "gateway/acme/renewal_inquiry.h"
#include "gateway/config/config.h"
#include "gateway/fetch/exchanges.h"
#include "metrics/shard.h"
#include "metrics/sums.h"
#include "pool/net/event_loop.h"
#include "pool/net/random.h"
#include "pool/net/timer_wheel.h"
#include "pool/tls/certificate_facts.h"

namespace holdfast::acme {

// Sees to it that every name for which a listener has `acme` has a certificate in its storage: it
// orders those that are missing, renews those that end, and notices what another process with the
// same storage has brought. One order at a time; of all processes that share a storage only one
// orders.
//
// Main thread; owned by the server. What is given to it outlives it. Destruction gives up what is
// under way and calls nothing.
class Keeper {
 public:
  // Files are looked at this often, for what others have brought.
  static constexpr pool::Duration kLookEvery = std::chrono::minutes(10);
  // The same while another process orders what is missing here.
  static constexpr pool::Duration kLockRetry = std::chrono::seconds(5);
  // The same for a file that cannot be read, and how often one that cannot be written is tried.
  static constexpr pool::Duration kFileRetry = std::chrono::minutes(1);
  // How often what another process is asked for is looked for, and how long an authority is kept
  // waiting for all to have seen it.
  static constexpr pool::Duration kShareEvery = std::chrono::seconds(1);
  static constexpr pool::Duration kShareWait = std::chrono::seconds(3);
  // A proof of a process that was killed is nobody's after that.
  static constexpr pool::Duration kProofLife = std::chrono::minutes(10);
  // How often an authority is asked when to renew; it may say otherwise, within the others.
  static constexpr pool::Duration kAskEvery = std::chrono::hours(6);
  static constexpr pool::Duration kAskAtLeast = std::chrono::minutes(1);
  static constexpr pool::Duration kAskAtMost = std::chrono::hours(24);

  enum class Gravity : uint8_t { kInfo, kWarning, kError };
  struct Callbacks {
    // A way to an authority's server, whose own certificate one of `authorities` (empty: of the
    // system's) vouches for.
    std::function<std::unique_ptr<fetch::Exchanges>(const config::Dns& dns,
                                                    pool::TlsFile authorities)>
        connect;
    // What the listeners are to answer from now on, null for nothing; `known`, unless it is null,
    // is called from the loop once they do.
    std::function<void(std::shared_ptr<const Challenges> challenges, std::function<void()> known)>
        publish;
    // A file of a storage is another than it was. It may call Adopt.
    std::function<void()> refresh;
    std::function<void(Gravity, const std::string& line)> log;
  };

  Keeper(pool::EventLoop* loop, metrics::Shard* shard, Callbacks callbacks);
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  // Takes the listeners of `config` from now on. A name that failed is tried again soon, but not at
  // once, if how it is ordered has changed: somebody may have mended what was wrong. What an
  // authority asked for is waited for all the same.
  void Adopt(const config::Config& config);
  // Looks at all files now: somebody else may have changed one.
  void LookAtFiles();
  // Orders nothing any more: the process is on its way out.
  void Stop();

  // Adds when each certificate is to be renewed, at the moment of a scrape.
  void AddTo(metrics::Sums& sums) const;

 private:
  struct Key {
    std::string storage;
    std::string directory;
    std::string name;
    bool operator==(const Key&) const = default;
    auto operator<=>(const Key&) const = default;
  };
  // PEM.
  struct Pair {
    std::string chain;
    std::string key;
  };
  // What all names have in common that one authority is asked for.
  struct Authority {
    uint32_t failures = 0;  // to be spoken to, in a row
    pool::TimePoint last_try{};
    pool::TimePoint next_try{};    // a change of the configuration may bring it nearer
    pool::TimePoint not_before{};  // it has asked for that
  };
  // One name.
  struct Job {
    std::string listener;  // the first that has it
    config::ListenerAcme acme;
    // Of the certificate that is there.
    std::optional<pool::CertificateFacts> facts;
    std::string renewal_name;   // empty: its authority does not say when to renew it
    pool::WallTime renew_at{};  // while there is one; the calendar's, all else is the loop's time
    pool::TimePoint ask_at{};   // when to renew it
    pool::TimePoint look_at{};  // at the file
    std::string read_trouble;   // why the file does not do; empty: it does, or is not there
    bool unreadable = false;    // what is in it is not known
    // Of orders.
    uint32_t failures = 0;  // in a row
    pool::TimePoint next_try{};
    pool::TimePoint last_try{};  // or inquiry
    // What has come and could not be written yet.
    std::optional<Pair> unwritten;
  };
  // What is under way for one of them.
  struct Work {
    Key key;
    std::shared_ptr<const bool> alive = std::make_shared<const bool>(true);  // for late callbacks
    pool::FileDescriptor lock;
    std::unique_ptr<fetch::Exchanges> exchanges;
    std::unique_ptr<Dialogue> dialogue;
    std::unique_ptr<Issuance> issuance;
    std::unique_ptr<RenewalInquiry> inquiry;
  };

  // A folder that jobs have in common.
  struct Shared {
    pool::FileDescriptor presence;  // invalid until the folder is there
    std::string text;               // of another process's proof, as it was read last
  };

  void OnTimer(pool::TimePoint now);
  // Looks for what other processes are asked for.
  void OnShareTimer(pool::TimePoint now);
  void AdoptStorages();
  // Does the next thing that is due, and otherwise waits for it.
  void Proceed();
  // How long until the authority of the job is to be asked for a certificate, or when to renew it;
  // not positive: that is due.
  pool::Duration UntilOrder(const Key& key, const Job& job);
  pool::Duration UntilInquiry(const Key& key, const Job& job);
  Authority& AuthorityOf(const Key& key) { return authorities_[{key.storage, key.directory}]; }
  // Somebody may have mended what was wrong.
  void BringNearer(const Key& key, Job* job);
  // Reads the job's file; if it is another than it was, it is taken into use.
  void Look(const Key& key, Job* job);
  // Takes what has come into the storage, whose lock is held.
  std::optional<Trouble> WriteIssued(const Key& key, Job* job);
  std::optional<Trouble> BeginOrder(const Key& key, Job* job);
  std::optional<Trouble> BeginWork(const Key& key, const Job& job);
  void BeginInquiry(const Key& key, Job* job);
  void OnIssued(const IssuanceOutcome& outcome);
  void OnInquired(const RenewalInquiry::Result& result);
  void Succeed(const Key& key, Job* job);
  void Fail(const Key& key, Job* job, const Trouble& trouble);
  // Of the order under way.
  absl::Status Prove(std::optional<Proof> proof, std::function<void()> known);
  void OnProofKnown(pool::TimePoint now);
  // All proofs, this process's and others'.
  void Publish(std::function<void()> known);
  void Refresh() { callbacks_.refresh(); }
  void EndWork();
  void Log(Gravity gravity, const Key& key, const std::string& text);
  pool::WallTime Today() { return loop_->wall_now(); }

  pool::EventLoop* loop_;
  metrics::Shard* shard_;
  Callbacks callbacks_;
  pool::Random random_;
  config::Dns dns_;
  std::map<Key, Job> jobs_;
  // By storage and directory; they outlive the configuration that named them.
  std::map<std::pair<std::string, std::string>, Authority> authorities_;
  std::unique_ptr<Work> work_;         // null: none
  std::optional<Proof> proof_;         // of the order under way
  std::function<void()> proof_known_;  // to be called once all know it
  std::map<std::string, Shared> storages_;
  pool::MemberTimer<Keeper, &Keeper::OnShareTimer> share_timer_{this};
  pool::MemberTimer<Keeper, &Keeper::OnProofKnown> proof_timer_{this};
  pool::MemberTask<Keeper, &Keeper::Refresh> refresh_task_{this};
  pool::MemberTimer<Keeper, &Keeper::OnTimer> timer_{this};
};

}  // namespace holdfast::acme

#endif  // HOLDFAST_GATEWAY_ACME_KEEPER_H_
