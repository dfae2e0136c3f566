#ifndef HOLDFAST_GATEWAY_SERVER_TLS_KEEPER_H_
#define HOLDFAST_GATEWAY_SERVER_TLS_KEEPER_H_

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "gateway/config/config.h"
#include "gateway/server/file_watch.h"
#include "gateway/server/main_context.h"
#include "gateway/server/ticket_keeper.h"
#include "gateway/tls/stand_ins.h"
#include "gateway/tls/tls_plan.h"
#include "metrics/sums.h"
#include "pool/net/clock.h"

namespace holdfast::server {

// What the main thread keeps of TLS while a configuration is in use: it watches the files that the
// configuration names, knows when certificates expire, and has the keys of session tickets. Without
// TLS in the configuration it does nothing, and the TLS library stays asleep.
//
// Main thread; owned by the server. `main` outlives it.
class TlsKeeper {
 public:
  static constexpr pool::Duration kDay = std::chrono::hours(24);

  struct Callbacks {
    // From the loop.
    FileWatch::OnChanged on_files_changed;
    TicketKeeper::OnRotated on_tickets_rotated;
    // A day has gone by since the configuration was taken into use, or since the last such call:
    // certificates run out while nobody reloads, and not all files tell when they change.
    std::function<void()> on_day_passed;
  };

  TlsKeeper(MainContext* main, Callbacks callbacks);
  ~TlsKeeper();
  TlsKeeper(const TlsKeeper&) = delete;
  TlsKeeper& operator=(const TlsKeeper&) = delete;

  // What the process before this one says, as ForSuccessor has it. Before the first Adopt.
  void Inherit(std::string_view legacy) { tickets_.Inherit(legacy); }
  // As tls::LoadTls.
  absl::StatusOr<tls::TlsPlan> Load(config::Config* config);
  // What is worth a warning, to the log: tls::TlsWarnings, and what ACME has not brought yet.
  void LogWarnings(const config::Config& config, const tls::TlsPlan& plan) const;
  // The configuration, and what was loaded for it, are in use from now on.
  void Adopt(const config::Config& config, const tls::TlsPlan& plan);

  // Hears of no changes any more.
  void Stop();

  const tls::TicketKeySets& ticket_keys() const { return tickets_.current(); }
  // What the process that takes our place needs to know, in lines (legacy_file.h): secret.
  std::string ForSuccessor() const { return tickets_.Serialize(); }
  // Adds when the certificates in use expire, at the moment of a scrape.
  void AddTo(metrics::Sums& sums) const;

 private:
  struct Expiry {
    std::string listener;
    std::string file;
    pool::WallTime at;

    bool operator==(const Expiry&) const = default;
  };

  void NoteExpiries(const config::Config& config, const tls::TlsPlan& plan);
  void AdoptTickets(const config::Config& config, const tls::TlsPlan& plan);
  void WatchFiles(const config::Config& config);
  void OnDay(pool::TimePoint now);

  MainContext* main_;
  tls::StandIns stand_ins_;  // until ACME brings better ones
  TicketKeeper tickets_;
  FileWatch files_;
  std::function<void()> on_day_passed_;
  std::vector<Expiry> expiries_;  // of the listeners' certificates in use
  pool::MemberTimer<TlsKeeper, &TlsKeeper::OnDay> day_{this};
};

}  // namespace holdfast::server

#endif  // HOLDFAST_GATEWAY_SERVER_TLS_KEEPER_H_
