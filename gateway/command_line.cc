#include "gateway/command_line.h"

#include <CLI/CLI.hpp>

#include "gateway/server/server.h"

namespace holdfast {
namespace {

constexpr char kSignals[] =
    "Signals: TERM, INT and QUIT drain (a second one stops at once), HUP reloads the\n"
    "configuration (a bad file changes nothing), USR1 reopens the logs, USR2 hands over to the\n"
    "program as it is installed now, without losing a connection.\n"
    "Exit codes: 0 fine, 1 start or run failed, 2 usage or configuration is wrong, 3 the drain's\n"
    "deadline cut connections off.";

void AddStatusOption(CLI::App* subcommand, Command* command) {
  subcommand->add_option("--status", command->status, "Where health and metrics are, or \"off\".")
      ->capture_default_str()
      ->type_name("ADDRESS");
}

}  // namespace

Command ParseCommandLine(int argc, const char* const* argv) {
  Command command;
  command.arguments.assign(argv, argv + argc);
  CLI::App app("Holdfast: an HTTP reverse proxy that keeps connections.", "holdfast");
  app.footer(kSignals);
  app.require_subcommand(0, 1);

  CLI::App* run = app.add_subcommand("run", "Serve as a configuration file says.");
  run->add_option("-c,--config", command.config_path, "The configuration file (YAML).")
      ->required()
      ->type_name("FILE");
  run->footer(kSignals);

  CLI::App* proxy = app.add_subcommand("proxy", "Pass everything on, without a file.");
  proxy
      ->add_option("--from", command.from,
                   "Where to listen: \":8080\", \"127.0.0.1:8080\", \"[::1]:8080\" or "
                   "\"unix:/path\".")
      ->required()
      ->type_name("ADDRESS");
  proxy
      ->add_option("--to", command.to,
                   "Where to send requests: \"HOST:PORT\" or \"unix:/path\". May be repeated; "
                   "requests are then balanced.")
      ->required()
      ->type_name("ENDPOINT")
      ->allow_extra_args(false)
      ->take_all();
  proxy->footer(kSignals);

  AddStatusOption(proxy, &command);

  CLI::App* demo = app.add_subcommand("demo", "Try it: a gateway with an origin inside.");
  demo->add_option("--port", command.demo_port, "The gateway's port on 127.0.0.1.")
      ->capture_default_str()
      ->check(CLI::Range(0, 65535));
  AddStatusOption(demo, &command);
  demo->add_flag("--print-config", command.print_config, "Print the configuration it uses.");

  CLI::App* check = app.add_subcommand("check", "Say whether a configuration file is right.");
  check->add_option("-c,--config,file", command.config_path, "The configuration file (YAML).")
      ->required()
      ->type_name("FILE");

  app.add_subcommand("version", "Print the version.");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    command.exit_code = app.exit(error) == 0 ? server::kExitOk : server::kExitUsage;
    return command;
  }
  // To require one beforehand would keep quiet about the name of an unknown one.
  if (app.get_subcommands().empty()) {
    app.exit(CLI::RequiredError::Subcommand(1));
    command.exit_code = server::kExitUsage;
    return command;
  }
  command.kind = run->parsed()     ? Command::Kind::kRun
                 : proxy->parsed() ? Command::Kind::kProxy
                 : demo->parsed()  ? Command::Kind::kDemo
                 : check->parsed() ? Command::Kind::kCheck
                                   : Command::Kind::kVersion;
  return command;
}

}  // namespace holdfast
