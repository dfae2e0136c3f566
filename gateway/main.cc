#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <absl/strings/str_split.h>

#include "gateway/acme/check_notes.h"
#include "gateway/build_commit.h"
#include "gateway/command_line.h"
#include "gateway/config/defaults_file.h"
#include "gateway/config/diagnostic.h"
#include "gateway/config/file_places.h"
#include "gateway/config/json_schema.h"
#include "gateway/config/load.h"
#include "gateway/config/proxy_config.h"
#include "gateway/config/reference_page.h"
#include "gateway/config/surroundings.h"
#include "gateway/demo.h"
#include "gateway/route/collector_files.h"
#include "gateway/route/error_page_files.h"
#include "gateway/route/key_files.h"
#include "gateway/route/password_files.h"
#include "gateway/server/cpu_share.h"
#include "gateway/server/descriptor_budget.h"
#include "gateway/server/lifecycle.h"
#include "gateway/server/op_log.h"
#include "gateway/server/server.h"
#include "gateway/server/signals.h"
#include "gateway/server/upgrade.h"
#include "gateway/standard_streams.h"
#include "gateway/tls/tls_plan.h"
#include "gateway/version.h"
#include "pool/net/clock.h"

namespace holdfast {
namespace {

// Prints what there is to say about a configuration; nullopt when it is wrong.
std::optional<config::Config> Accept(config::LoadResult loaded) {
  fputs(config::FormatDiagnostics(loaded.diagnostics).c_str(), stderr);
  return std::move(loaded.config);
}

// Why it does not start, and where the configuration names the files that it is about.
std::string StartError(const Command& command, const std::string& error) {
  const std::vector<config::Diagnostic> placed =
      config::PlaceComplaintsIn(command.config_path, error);
  const bool about_files = std::ranges::any_of(
      placed, [](const config::Diagnostic& one) { return one.position.line > 0; });
  if (about_files) return "cannot start:\n" + config::FormatDiagnostics(placed);
  return error + AddressHint(command, error);
}

int Serve(const Command& command, config::Config config, server::ServerOptions options) {
  // Before there are threads: it changes the environment.
  absl::StatusOr<server::Inheritance> inheritance = server::TakeInheritance();
  if (!inheritance.ok()) {
    fprintf(stderr, "%s\n", std::string(inheritance.status().message()).c_str());
    return server::kExitFailure;
  }
  options.version = kVersion;
  options.commit = kBuildCommit;
  options.command = command.arguments;
  options.command.front() = server::ProgramPath(command.arguments.front());
  const pool::SystemClock clock;
  // The log's thread inherits the mask; one that did not would die of SIGTERM, and we with it.
  server::BlockSignals();
  server::StartOpLog();
  int exit_code = server::kExitFailure;
  {
    server::Server server(&clock, std::move(options), *std::move(inheritance));
    const absl::Status status = server.Start(std::move(config));
    if (status.ok()) {
      exit_code = server.Run();
    } else {
      server::LogError(StartError(command, std::string(status.message())));
      // A file that the configuration names is not there, or not as it has to be.
      if (absl::IsInvalidArgument(status) || absl::IsNotFound(status)) {
        exit_code = server::kExitUsage;
      }
    }
  }
  server::StopOpLog();
  return exit_code;
}

int Run(const Command& command) {
  std::optional<config::Config> config = Accept(config::LoadConfigFile(command.config_path));
  if (!config.has_value()) return server::kExitUsage;
  return Serve(command, std::move(*config), {.config_path = command.config_path});
}

int Proxy(const Command& command) {
  absl::StatusOr<config::Config> config =
      config::MakeProxyConfig(command.from, command.to, command.status);
  if (!config.ok()) {
    fprintf(stderr, "holdfast proxy: %s\n", std::string(config.status().message()).c_str());
    return server::kExitUsage;
  }
  return Serve(command, std::move(*config), {});
}

int Demo(const Command& command) {
  const std::string text = DemoConfig(command.demo_port, getpid(), command.status);
  if (command.print_config) {
    fputs(text.c_str(), stdout);
    return server::kExitOk;
  }
  std::optional<config::Config> config = Accept(config::LoadConfig(text, "demo"));
  if (!config.has_value()) return server::kExitUsage;
  return Serve(command, std::move(*config),
               {.greeting = [](const std::map<std::string, std::string>& addresses) {
                 const auto status = addresses.find("status");
                 return DemoGreeting(addresses.at("gateway"),
                                     status == addresses.end() ? "" : status->second);
               }});
}

// What a start on this machine would stumble over. Notes, since it is not the file that is wrong.
void NoteLimits(const config::Config& config) {
  const size_t workers = config.workers.has_value()
                             ? *config.workers
                             : static_cast<size_t>(server::MeasureCpuShare().workers);
  const absl::StatusOr<server::DescriptorBudget> budget =
      server::PlanDescriptors(config, workers, server::RaiseDescriptorLimit());
  if (!budget.ok()) {
    fprintf(stderr, "note: on this machine: %s\n", std::string(budget.status().message()).c_str());
    return;
  }
  for (const std::string& cut : budget->cuts) {
    fprintf(stderr, "note: on this machine: %s\n", cut.c_str());
  }
}

// Tells what is wrong with files that the configuration names. False: that would stop the start. It
// would for a missing one, too, unless the configuration is meant for another machine.
bool Forgive(const Command& command, const absl::Status& status) {
  const std::string wrong(status.message());
  if (!command.without_files || !absl::IsNotFound(status)) {
    fputs(config::FormatDiagnostics(config::PlaceComplaintsIn(command.config_path, wrong)).c_str(),
          stderr);
    return false;
  }
  for (const absl::string_view line : absl::StrSplit(wrong, '\n')) {
    fprintf(stderr, "note: on this machine: %s\n", std::string(line).c_str());
  }
  return true;
}

bool CheckAuthFiles(const Command& command, config::Config* config) {
  const absl::Status passwords = route::LoadPasswordFiles(config);
  if (!passwords.ok() && !Forgive(command, passwords)) return false;
  const absl::Status keys = route::LoadKeyFiles(config);
  if (!keys.ok() && !Forgive(command, keys)) return false;
  for (const std::string& note : route::KeyFileNotes(*config)) {
    fprintf(stderr, "note: %s\n", note.c_str());
  }
  for (const std::string& note : route::KeyUrlNotes(*config)) {
    fprintf(stderr, "note: %s\n", note.c_str());
  }
  return true;
}

bool CheckCollectorFiles(const Command& command, config::Config* config) {
  const absl::Status status = route::LoadCollectorFiles(config);
  return status.ok() || Forgive(command, status);
}

bool CheckErrorPages(const Command& command, config::Config* config) {
  const absl::Status status = route::LoadErrorPages(config);
  return status.ok() || Forgive(command, status);
}

// Reads the files that the configuration names for TLS. False: one of them is not as it has to be.
bool CheckTls(const Command& command, config::Config* config) {
  tls::StandIns stand_ins;
  const pool::WallTime now = pool::SystemClock().WallNow();
  const absl::StatusOr<tls::TlsPlan> plan = tls::LoadTls(config, &stand_ins, now);
  if (!plan.ok()) return Forgive(command, plan.status());
  for (const std::string& warning : tls::TlsWarnings(*config, *plan, now)) {
    fprintf(stderr, "%s: warning: %s\n", command.config_path.c_str(), warning.c_str());
  }
  return true;
}

bool CheckLogFiles(const Command& command, const config::Config& config) {
  const absl::Status status = config::CheckLogFiles(config);
  return status.ok() || Forgive(command, status);
}

// As Accept, with what is worth knowing besides.
std::optional<config::Config> AcceptWithNotes(const Command& command) {
  config::FileAccess files = config::FilesOfThisMachine();
  files.forgives_missing = command.without_files;
  config::LoadResult loaded = config::LoadConfigFile(command.config_path, files);
  fputs(config::FormatDiagnostics(loaded.notes).c_str(), stderr);
  return Accept(std::move(loaded));
}

int Check(const Command& command) {
  std::optional<config::Config> config = AcceptWithNotes(command);
  if (!config.has_value() || !CheckTls(command, &*config) || !CheckAuthFiles(command, &*config) ||
      !CheckCollectorFiles(command, &*config) || !CheckErrorPages(command, &*config) ||
      !CheckLogFiles(command, *config)) {
    return server::kExitUsage;
  }
  for (const std::string& note : acme::CheckNotes(*config)) {
    fprintf(stderr, "note: on this machine: %s\n", note.c_str());
  }
  NoteLimits(*config);
  printf("%s: ok\n", command.config_path.c_str());
  return server::kExitOk;
}

int Print(const std::string& text) {
  const bool written = fputs(text.c_str(), stdout) >= 0 && fflush(stdout) == 0;
  return written ? server::kExitOk : server::kExitFailure;
}

int PrintVersion() {
  printf("holdfast %s (commit %s)\n", kVersion, std::string(kBuildCommit).c_str());
  return server::kExitOk;
}

int Main(int argc, char** argv) {
  const Command command = ParseCommandLine(argc, argv);
  switch (command.kind) {
    case Command::Kind::kRun: return Run(command);
    case Command::Kind::kProxy: return Proxy(command);
    case Command::Kind::kDemo: return Demo(command);
    case Command::Kind::kCheck: return Check(command);
    case Command::Kind::kConfigSchema: return Print(config::JsonSchema());
    case Command::Kind::kConfigDefaults: return Print(config::DefaultsFile());
    case Command::Kind::kConfigDocs: return Print(config::ReferencePage());
    case Command::Kind::kVersion: return PrintVersion();
    case Command::Kind::kPrinted: return command.exit_code;
  }
  return server::kExitFailure;
}

}  // namespace
}  // namespace holdfast

int main(int argc, char** argv) {
  holdfast::OpenStandardStreams();
  return holdfast::Main(argc, argv);
}
