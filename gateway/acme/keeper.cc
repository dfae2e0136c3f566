#include "gateway/acme/keeper.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/time/time.h>

#include "gateway/acme/messages.h"
#include "gateway/acme/schedule.h"
#include "gateway/acme/storage.h"
#include "gateway/config/file_text.h"
#include "gateway/config/units.h"
#include "gateway/tls/acme_files.h"

namespace holdfast::acme {

using metrics::Metric;

namespace {

// The bundle of a whole system has some hundred KiB.
constexpr size_t kMaxAuthoritiesBytes = 4 * 1024 * 1024;

// Of the log.
constexpr size_t kMaxLine = 4096;

int64_t SecondsOf(pool::WallTime at) {
  return std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
}

std::string Stamp(pool::WallTime at) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixSeconds(SecondsOf(at)),
                          absl::UTCTimeZone());
}

std::string Roughly(pool::Duration duration) {
  return config::FormatDuration(std::chrono::ceil<std::chrono::seconds>(duration));
}

Trouble StorageTrouble(const absl::Status& status) {
  return {.result = Result::kStorage, .type = {}, .text = std::string(status.message())};
}

absl::Status GivenUp() { return absl::CancelledError("the order was given up"); }

absl::StatusOr<pool::TlsFile> ReadAuthorities(const config::ListenerAcme& acme) {
  if (acme.ca == config::ListenerAcme::kSystemAuthorities) return pool::TlsFile{};
  std::optional<std::string> text = config::ReadFileText(acme.ca, kMaxAuthoritiesBytes);
  if (text.has_value() && !text->empty()) {
    return pool::TlsFile{.pem = *std::move(text), .name = acme.ca};
  }
  return absl::UnavailableError(absl::StrCat(
      acme.ca, ": cannot be read: ", text.has_value() ? "it is empty" : std::strerror(errno)));
}

// Whether a name of both is ordered in the same way; what other names there are makes no
// difference.
bool OrdersAlike(const config::ListenerAcme& a, const config::ListenerAcme& b) {
  return a.directory == b.directory && a.storage == b.storage && a.email == b.email &&
         a.challenge == b.challenge && a.ca == b.ca;
}

// Whether the chain can still be shown.
bool IsGood(const std::string& chain, pool::WallTime now) {
  const auto facts = pool::ReadCertificate({.pem = chain, .name = "what came"});
  return facts.ok() && now < facts->not_after;
}

// A new account has a key at once, so that whatever happens next there is only one.
absl::StatusOr<Account> OpenAccount(const Storage& storage, const std::string& directory) {
  absl::StatusOr<Account> account = storage.ReadAccount(directory);
  if (account.ok() || !absl::IsNotFound(account.status())) return account;
  Account made{.key = pool::SigningKey::Make(), .url = {}};
  if (absl::Status kept = storage.WriteAccount(directory, made); !kept.ok()) return kept;
  return made;
}

}  // namespace

Keeper::Keeper(pool::EventLoop* loop, metrics::Shard* shard, Callbacks callbacks)
    : loop_(loop),
      shard_(shard),
      callbacks_(std::move(callbacks)),
      random_(static_cast<uint64_t>(loop->clock().WallNow().time_since_epoch().count())) {}

Keeper::~Keeper() = default;

void Keeper::Adopt(const config::Config& config) {
  std::map<Key, Job> next;
  const bool same_dns = config.dns == dns_;
  bool goes_on = false;  // what is under way
  for (const config::Listener& listener : config.listeners) {
    if (!listener.tls.has_value() || !listener.tls->acme.has_value()) continue;
    const config::ListenerAcme& acme = *listener.tls->acme;
    for (const std::string& name : acme.names) {
      if (std::ranges::find(acme.covered, name) != acme.covered.end()) continue;
      const Key key{acme.storage, acme.directory, name};
      if (next.contains(key)) continue;
      const auto known = jobs_.find(key);
      Job job = known != jobs_.end() ? known->second : Job{.listener = {}, .acme = {}};
      const bool same = known != jobs_.end() && same_dns && OrdersAlike(job.acme, acme);
      job.listener = listener.name;
      job.acme = acme;
      if (!same && known != jobs_.end()) BringNearer(key, &job);
      goes_on |= same && work_ != nullptr && work_->key == key;
      next[key] = std::move(job);
    }
  }
  const bool same_names = std::ranges::equal(
      next, jobs_, [](const auto& a, const auto& b) { return a.first == b.first; });
  if (!goes_on) EndWork();
  jobs_ = std::move(next);
  dns_ = config.dns;
  if (!same_names) AdoptStorages();
  Proceed();
}

void Keeper::LookAtFiles() {
  for (auto& [key, job] : jobs_) job.look_at = loop_->now();
  Proceed();
}

void Keeper::BringNearer(const Key& key, Job* job) {
  if (job->failures > 0) job->next_try = std::min(job->next_try, job->last_try + kFirstPause);
  Authority& authority = AuthorityOf(key);
  authority.next_try = std::min(authority.next_try, authority.last_try + kFirstPause);
}

void Keeper::Stop() {
  EndWork();
  jobs_.clear();
  AdoptStorages();
  loop_->timers().Cancel(timer_);
}

void Keeper::OnTimer(pool::TimePoint) { Proceed(); }

pool::Duration Keeper::UntilOrder(const Key& key, const Job& job) {
  const pool::TimePoint now = loop_->now();
  // To write asks nobody.
  if (job.unwritten.has_value()) return job.next_try - now;
  // It may be good, and to order it again is counted.
  if (job.unreadable && !job.facts.has_value()) return job.look_at - now;
  const Authority& authority = AuthorityOf(key);
  const pool::Duration until =
      std::max({job.next_try, authority.next_try, authority.not_before}) - now;
  return job.facts.has_value() ? std::max(until, job.renew_at - Today()) : until;
}

pool::Duration Keeper::UntilInquiry(const Key& key, const Job& job) {
  if (!job.facts.has_value() || job.renewal_name.empty()) return kLookEvery;
  return std::max(job.ask_at, AuthorityOf(key).not_before) - loop_->now();
}

void Keeper::Proceed() {
  loop_->timers().Cancel(timer_);
  if (work_ != nullptr || jobs_.empty()) return;
  std::vector<std::pair<const Key, Job>*> turns;
  for (auto& entry : jobs_) {
    if (loop_->now() >= entry.second.look_at) Look(entry.first, &entry.second);
    turns.push_back(&entry);
  }
  // Who had no turn for longest is first: none may keep the others from theirs.
  std::ranges::stable_sort(
      turns, [](const auto* a, const auto* b) { return a->second.last_try < b->second.last_try; });
  for (auto* const turn : turns) {
    auto& [key, job] = *turn;
    // To ask first may show that there is no hurry, or more of it.
    if (UntilInquiry(key, job) <= pool::Duration::zero()) return BeginInquiry(key, &job);
    if (UntilOrder(key, job) > pool::Duration::zero()) continue;
    if (const std::optional<Trouble> trouble = BeginOrder(key, &job)) Fail(key, &job, *trouble);
    if (work_ != nullptr) return;
  }
  pool::Duration wait = kLookEvery;
  for (const auto& [key, job] : jobs_) {
    wait =
        std::min({wait, job.look_at - loop_->now(), UntilOrder(key, job), UntilInquiry(key, job)});
  }
  loop_->timers().Arm(timer_, loop_->now() + std::max(wait, pool::Duration::zero()));
}

void Keeper::Look(const Key& key, Job* job) {
  job->look_at = loop_->now() + kLookEvery;
  absl::StatusOr<tls::AcmeCertificate> read = tls::ReadAcmeCertificate(job->acme, key.name);
  job->unreadable = absl::IsUnavailable(read.status());
  if (absl::IsNotFound(read.status())) {
    job->read_trouble.clear();
    if (std::exchange(job->facts, std::nullopt).has_value()) loop_->Queue(refresh_task_);
    return;
  }
  if (!read.ok()) {
    // What was read last stays in use.
    if (job->unreadable) job->look_at = loop_->now() + kFileRetry;
    const std::string trouble(read.status().message());
    if (std::exchange(job->read_trouble, trouble) != trouble) Log(Gravity::kWarning, key, trouble);
    return;
  }
  job->read_trouble.clear();
  const bool same = job->facts.has_value() && job->facts->serial == read->facts.serial &&
                    job->facts->issuer == read->facts.issuer;
  if (same) return;
  loop_->Queue(refresh_task_);
  job->facts = std::move(read->facts);
  job->renewal_name = RenewalName(read->certificate.chain);
  job->renew_at = RenewalOf(job->facts->not_before, job->facts->not_after, &random_);
  job->ask_at = loop_->now();
  job->failures = 0;
  job->next_try = pool::TimePoint();
  Log(Gravity::kInfo, key,
      absl::StrCat("the certificate is good until ", Stamp(job->facts->not_after),
                   ", and is renewed from ", Stamp(job->renew_at), " on"));
}

std::optional<Trouble> Keeper::WriteIssued(const Key& key, Job* job) {
  const absl::Status kept =
      Storage(key.storage)
          .WriteCertificate(key.directory, key.name, job->unwritten->chain, job->unwritten->key);
  if (!kept.ok()) return StorageTrouble(kept);
  job->unwritten.reset();
  Succeed(key, job);
  return std::nullopt;
}

std::optional<Trouble> Keeper::BeginWork(const Key& key, const Job& job) {
  absl::StatusOr<pool::TlsFile> authorities = ReadAuthorities(job.acme);
  if (!authorities.ok()) return StorageTrouble(authorities.status());
  work_ = std::make_unique<Work>();
  work_->key = key;
  work_->exchanges = callbacks_.connect(dns_, *std::move(authorities));
  return std::nullopt;
}

std::optional<Trouble> Keeper::BeginOrder(const Key& key, Job* job) {
  job->last_try = loop_->now();
  const Storage storage(job->acme.storage);
  if (absl::Status ready = storage.Prepare(); !ready.ok()) return StorageTrouble(ready);
  absl::StatusOr<pool::FileDescriptor> lock = storage.TryLock();
  if (!lock.ok()) return StorageTrouble(lock.status());
  Shared& shared = storages_[key.storage];
  if (!shared.presence.valid()) {
    if (auto presence = storage.ShowPresence(); presence.ok()) {
      shared.presence = *std::move(presence);
    }
  }
  if (!lock->valid()) {
    // What the other one orders may be this very name.
    job->next_try = job->look_at = loop_->now() + kLockRetry;
    return std::nullopt;
  }
  // Another may have ordered it since we looked.
  Look(key, job);
  if (job->facts.has_value() && Today() < job->renew_at) {
    job->unwritten.reset();
    return std::nullopt;
  }
  if (job->unwritten.has_value() && !IsGood(job->unwritten->chain, Today())) {
    job->unwritten.reset();
  }
  if (job->unwritten.has_value()) return WriteIssued(key, job);
  if (UntilOrder(key, *job) > pool::Duration::zero()) return std::nullopt;
  absl::StatusOr<Account> account = OpenAccount(storage, key.directory);
  if (!account.ok()) return StorageTrouble(account.status());
  if (auto trouble = BeginWork(key, *job)) return trouble;
  work_->lock = *std::move(lock);
  work_->dialogue = std::make_unique<Dialogue>(loop_, work_->exchanges.get(), *std::move(account));
  // An order that was given up says nothing any more, until it is gone.
  const std::weak_ptr<const bool> alive = work_->alive;
  work_->issuance = std::make_unique<Issuance>(
      loop_, work_->dialogue.get(),
      IssuancePlan{.directory = key.directory,
                   .email = job->acme.email,
                   .name = key.name,
                   .challenge = job->acme.challenge,
                   .replaces = job->facts.has_value() ? job->renewal_name : std::string()},
      Issuance::Callbacks{
          .keep_account =
              [this, alive, storage, key](const Account& known, const std::string& terms) {
                if (alive.expired()) return GivenUp();
                Log(Gravity::kInfo, key,
                    absl::StrCat("there is an account now, ", OneLine(known.url),
                                 terms.empty() ? "" : ", which agrees to ", terms));
                return storage.WriteAccount(key.directory, known);
              },
          .publish =
              [this, alive](std::optional<Proof> proof, std::function<void()> known) {
                if (alive.expired()) return GivenUp();
                return Prove(std::move(proof), std::move(known));
              },
          .on_done =
              [this, alive](const IssuanceOutcome& outcome) {
                if (!alive.expired()) OnIssued(outcome);
              }});
  Log(Gravity::kInfo, key,
      absl::StrCat("ordering a certificate at ", key.directory, ", by ",
                   std::string(WordsOf(job->acme.challenge).WordOf(job->acme.challenge)),
                   job->facts.has_value() ? ", to renew the one that is there" : ""));
  work_->issuance->Start();
  return std::nullopt;
}

void Keeper::OnIssued(const IssuanceOutcome& outcome) {
  const Key key = work_->key;
  Job& job = jobs_.at(key);
  if (outcome.trouble.has_value()) {
    Fail(key, &job, *outcome.trouble);
  } else {
    job.unwritten = Pair{.chain = outcome.chain, .key = outcome.key};
    if (const auto trouble = WriteIssued(key, &job)) Fail(key, &job, *trouble);
  }
  EndWork();
  Proceed();
}

void Keeper::Succeed(const Key& key, Job* job) {
  shard_
      ->CounterFor(Metric::kAcmeOrdersTotal, {job->listener, WordsOf(Result()).WordOf(Result::kOk)})
      .Add();
  job->failures = 0;
  job->next_try = pool::TimePoint();
  AuthorityOf(key) = Authority();
  Look(key, job);
  // An authority whose certificates need renewal as soon as they are made is not asked in a circle.
  if (job->facts.has_value() && job->renew_at <= Today()) {
    job->next_try = loop_->now() + kRatePause;
  }
  // It has just been asked.
  job->ask_at = loop_->now() + random_.JitterTenth(pool::Duration(kAskEvery));
}

void Keeper::Fail(const Key& key, Job* job, const Trouble& trouble) {
  const std::string_view word = WordsOf(trouble.result).WordOf(trouble.result);
  shard_->CounterFor(Metric::kAcmeOrdersTotal, {job->listener, word}).Add();
  const bool limited = trouble.result == Result::kRateLimited || trouble.retry_after.has_value();
  Authority& authority = AuthorityOf(key);
  pool::Duration pause{0};
  if (limited || trouble.result == Result::kUnreachable) {
    // The other names would fare no better.
    pause = PauseAfter(++authority.failures, trouble, &random_);
    authority.last_try = loop_->now();
    authority.next_try = loop_->now() + pause;
    if (limited) authority.not_before = authority.next_try;
  } else if (trouble.result != Result::kStorage) {
    authority.failures = 0;
  }
  if (trouble.result != Result::kUnreachable) {
    pause = std::max(pause, PauseAfter(++job->failures, trouble, &random_));
    if (job->unwritten.has_value()) pause = kFileRetry;
    job->next_try = loop_->now() + pause;
  }
  const std::string still =
      job->unwritten.has_value() ? "what came is kept in memory"
      : job->facts.has_value()
          ? absl::StrCat("the one that is there is good until ", Stamp(job->facts->not_after))
          : "clients see a temporary one";
  Log(Gravity::kError, key,
      absl::StrCat("no certificate: ", std::string(word), ": ", trouble.text, "; ", still,
                   "; the next try is in ", Roughly(pause)));
}

void Keeper::BeginInquiry(const Key& key, Job* job) {
  job->last_try = loop_->now();
  job->ask_at = loop_->now() + random_.JitterTenth(pool::Duration(kAskEvery));
  if (const std::optional<Trouble> trouble = BeginWork(key, *job)) {
    Log(Gravity::kWarning, key, trouble->text);
    return Proceed();
  }
  // What is asked here is not signed; any key will do.
  work_->dialogue = std::make_unique<Dialogue>(loop_, work_->exchanges.get(),
                                               Account{.key = pool::SigningKey::Make(), .url = {}});
  work_->inquiry = std::make_unique<RenewalInquiry>(
      loop_, work_->dialogue.get(), key.directory, job->renewal_name,
      [this,
       alive = std::weak_ptr<const bool>(work_->alive)](const RenewalInquiry::Result& result) {
        if (!alive.expired()) OnInquired(result);
      });
  work_->inquiry->Start();
}

void Keeper::OnInquired(const RenewalInquiry::Result& result) {
  const Key key = work_->key;
  Job& job = jobs_.at(key);
  if (!result.trouble.empty()) {
    Log(Gravity::kWarning, key, "the authority was asked in vain when to renew: " + result.trouble);
  }
  if (result.info.has_value()) {
    const pool::WallTime at = MomentIn(result.info->begin, result.info->end, &random_);
    const bool within = result.info->begin <= job.renew_at && job.renew_at <= result.info->end;
    // The moment stays as long as the window has it in.
    const pool::WallTime next =
        job.facts.has_value()
            ? std::min(at, LastRenewalOf(job.facts->not_before, job.facts->not_after))
            : at;
    if (!within && next != job.renew_at) {
      job.renew_at = next;
      Log(Gravity::kInfo, key,
          absl::StrCat("the authority wants it renewed from ", Stamp(job.renew_at), " on",
                       result.info->explanation.empty() ? "" : ": ", result.info->explanation));
    }
    const pool::Duration again =
        std::clamp(result.ask_again.value_or(kAskEvery), kAskAtLeast, kAskAtMost);
    job.ask_at = loop_->now() + again;
  }
  EndWork();
  Proceed();
}

void Keeper::AdoptStorages() {
  std::map<std::string, Shared> next;
  for (const auto& [key, job] : jobs_) {
    if (next.contains(key.storage)) continue;
    const auto known = storages_.find(key.storage);
    Shared& shared = next[key.storage];
    if (known != storages_.end()) shared = std::move(known->second);
  }
  const bool shown = std::ranges::any_of(
      storages_, [](const auto& storage) { return !storage.second.text.empty(); });
  storages_ = std::move(next);
  if (shown) Publish(nullptr);
  if (storages_.empty()) return loop_->timers().Cancel(share_timer_);
  OnShareTimer(loop_->now());
}

void Keeper::OnShareTimer(pool::TimePoint now) {
  bool changed = false;
  for (auto& [folder, shared] : storages_) {
    const Storage storage(folder);
    if (!shared.presence.valid()) {
      // Without the folder there is nothing to share; who orders first makes it.
      auto presence = storage.ShowPresence();
      if (presence.ok()) shared.presence = *std::move(presence);
    }
    const bool ours = work_ != nullptr && work_->key.storage == folder && work_->lock.valid();
    std::string text = ours ? std::string() : storage.ReadProof();
    // One that has run out reads as none.
    if (!ParseProof(text, Today()).has_value()) text.clear();
    changed |= std::exchange(shared.text, text) != text;
  }
  if (changed) Publish(nullptr);
  loop_->timers().Arm(share_timer_, now + kShareEvery);
}

absl::Status Keeper::Prove(std::optional<Proof> proof, std::function<void()> known) {
  const std::string& storage = work_->key.storage;
  const std::string text = proof.has_value() ? FormatProof(*proof, Today() + kProofLife) : "";
  if (absl::Status written = Storage(storage).WriteProof(text); !written.ok()) {
    // Others would not show it, and what comes could not be kept.
    if (proof.has_value()) return written;
    Log(Gravity::kWarning, work_->key, std::string(written.message()));
  }
  proof_ = std::move(proof);
  if (known == nullptr) {
    Publish(nullptr);
    return absl::OkStatus();
  }
  Shared& shared = storages_[storage];
  const bool alone = shared.presence.valid() && Storage::IsAlone(shared.presence);
  Publish([this, alone, alive = std::weak_ptr<const bool>(work_->alive), known = std::move(known)] {
    if (alive.expired()) return;
    if (alone) return known();
    proof_known_ = known;
    loop_->timers().Arm(proof_timer_, loop_->now() + kShareWait);
  });
  return absl::OkStatus();
}

void Keeper::OnProofKnown(pool::TimePoint) {
  if (proof_known_ != nullptr) std::exchange(proof_known_, nullptr)();
}

void Keeper::Publish(std::function<void()> known) {
  std::vector<Proof> proofs;
  if (proof_.has_value()) proofs.push_back(*proof_);
  for (const auto& [folder, shared] : storages_) {
    if (std::optional<Proof> proof = ParseProof(shared.text, Today())) {
      proofs.push_back(*std::move(proof));
    }
  }
  std::shared_ptr<const Challenges> challenges;
  if (!proofs.empty())
    challenges = std::make_shared<const Challenges>(ChallengesOf(proofs, Today()));
  callbacks_.publish(std::move(challenges), std::move(known));
}

// Its parts are on the way to here; they go at the end of the turn.
void Keeper::EndWork() {
  if (work_ == nullptr) return;
  if (proof_.has_value()) Prove(std::nullopt, nullptr).IgnoreError();
  proof_known_ = nullptr;
  loop_->timers().Cancel(proof_timer_);
  work_->lock = pool::FileDescriptor();
  work_->alive.reset();
  loop_->DestroyLater(std::move(work_));
}

void Keeper::Log(Gravity gravity, const Key& key, const std::string& text) {
  callbacks_.log(gravity, OneLine(absl::StrCat("acme: ", key.name, ": ", text), kMaxLine));
}

void Keeper::AddTo(metrics::Sums& sums) const {
  for (const auto& [key, job] : jobs_) {
    if (!job.facts.has_value()) continue;
    sums.Add<metrics::Gauge>(Metric::kAcmeRenewalTimestampSeconds, {job.listener, key.name},
                             SecondsOf(job.renew_at));
  }
}

}  // namespace holdfast::acme
