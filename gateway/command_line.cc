#include "gateway/command_line.h"

#include <utility>

#include <CLI/CLI.hpp>

#include "gateway/config/diagnostic.h"
#include "gateway/config/suggest.h"
#include "gateway/server/lifecycle.h"

namespace holdfast {
namespace {

constexpr char kSignals[] =
    "Signals: TERM, INT and QUIT drain (a second one stops at once), HUP reloads the\n"
    "configuration (a bad file changes nothing; without a file it drains), USR1 reopens the logs,\n"
    "USR2 hands over to the program as it is installed now, without losing a connection.\n"
    "Exit codes: 0 fine, 1 start or run failed, 2 usage or configuration is wrong, 3 the drain\n"
    "was cut short: by its deadline, or by a second signal.";

// The file with or without a flag before it. That it is there is checked afterwards: CLI11 would
// call both forms required.
void AddConfigOption(CLI::App* subcommand, Command* command) {
  subcommand
      ->add_option("-c,--config,FILE", command->config_path,
                   "The configuration file (YAML), with the flag or without.")
      ->type_name("");
}

void AddStatusOption(CLI::App* subcommand, Command* command) {
  subcommand->add_option("--status", command->status, "Where health and metrics are, or \"off\".")
      ->capture_default_str()
      ->type_name("ADDRESS");
}

CLI::App* AddProxyCommand(CLI::App* app, Command* command) {
  CLI::App* proxy = app->add_subcommand("proxy", "Pass everything on, without a file.");
  proxy
      ->add_option("--from", command->from,
                   "Where to listen: \":8080\", \"127.0.0.1:8080\", \"[::1]:8080\" or "
                   "\"unix:/path\".")
      ->required()
      ->type_name("ADDRESS");
  proxy
      ->add_option("--to", command->to,
                   "Where to send requests: \"HOST:PORT\", \"unix:/path\", or \"https://HOST\" "
                   "with or without a port, whose certificate is verified by the system's "
                   "authorities. May be repeated; requests are then balanced.")
      ->required()
      ->type_name("ENDPOINT")
      ->allow_extra_args(false)
      ->take_all();
  proxy->footer(kSignals);
  AddStatusOption(proxy, command);
  return proxy;
}

// What there is to know about configuration files, printed.
CLI::App* AddConfigCommand(CLI::App* app) {
  CLI::App* config = app->add_subcommand("config", "Print what a configuration file can say.");
  config->require_subcommand(0, 1);
  config->add_subcommand("schema", "The JSON Schema, for editors.");
  config->add_subcommand("defaults", "A file with every key and its default.");
  config->add_subcommand("docs", "The reference of every key, in Markdown.");
  return config;
}

Command::Kind KindOfConfig(const CLI::App& config) {
  if (config.got_subcommand("schema")) return Command::Kind::kConfigSchema;
  if (config.got_subcommand("defaults")) return Command::Kind::kConfigDefaults;
  return Command::Kind::kConfigDocs;
}

// A line that tells which command or flag was probably meant by `word`, which `app` does not know;
// or nothing.
std::string Hint(const CLI::App& app, const std::string& word) {
  std::vector<std::string> known;
  if (word.starts_with("--")) {
    for (const CLI::Option* option : app.get_options()) {
      for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
    }
  } else {
    const auto any = [](const CLI::App*) { return true; };
    for (const CLI::App* subcommand : app.get_subcommands(any)) {
      known.push_back(subcommand->get_name());
    }
  }
  const std::string name = word.substr(0, word.find('='));
  const std::string meant = config::Suggestion(name, {known.begin(), known.end()});
  return meant.empty() ? "" : config::Quoted(name) + " is not known" + meant + "\n";
}

// The same for the first word of the line that nobody took.
std::string HintForRest(const CLI::App& app) {
  for (const std::string& word : app.remaining()) {
    if (std::string hint = Hint(app, word); !hint.empty()) return hint;
  }
  for (const CLI::App* subcommand : app.get_subcommands()) {
    if (std::string hint = HintForRest(*subcommand); !hint.empty()) return hint;
  }
  return {};
}

// What CLI11 says, and after its first line what may have been meant.
std::string Complaint(const CLI::App& app, const CLI::Error& error, const std::string& topic) {
  std::string message = CLI::FailureMessage::simple(&app, error);
  const std::string hint = topic.empty() ? HintForRest(app) : Hint(app, topic);
  return message.insert(message.find('\n') + 1, hint);
}

Command UsageError(const CLI::App& app, const CLI::Error& error, Command command) {
  app.exit(error);
  command.exit_code = server::kExitUsage;
  return command;
}

// `holdfast help [COMMAND]` is `holdfast [COMMAND] --help`.
Command PrintHelp(const CLI::App& app, const std::string& topic, Command command) {
  const auto named = [&topic](const CLI::App* subcommand) {
    return subcommand->get_name() == topic;
  };
  std::vector<const char*> line = {"holdfast", "--help"};
  if (!topic.empty()) {
    if (app.get_subcommands(named).empty()) {
      return UsageError(app, CLI::ExtrasError("help", {topic}), std::move(command));
    }
    line.insert(line.begin() + 1, topic.c_str());
  }
  return ParseCommandLine(static_cast<int>(line.size()), line.data());
}

}  // namespace

Command ParseCommandLine(int argc, const char* const* argv) {
  Command command;
  command.arguments.assign(argv, argv + argc);
  CLI::App app("Holdfast: an HTTP reverse proxy that keeps connections.", "holdfast");
  app.footer(kSignals);
  app.require_subcommand(0, 1);
  std::string topic;
  app.failure_message([&topic](const CLI::App* failed, const CLI::Error& error) {
    return Complaint(*failed, error, topic);
  });

  CLI::App* run = app.add_subcommand("run", "Serve as a configuration file says.");
  AddConfigOption(run, &command);
  run->footer(kSignals);

  CLI::App* proxy = AddProxyCommand(&app, &command);

  CLI::App* demo = app.add_subcommand("demo", "Try it: a gateway with an origin inside.");
  demo->add_option("--port", command.demo_port, "The gateway's port on 127.0.0.1.")
      ->capture_default_str()
      ->check(CLI::Range(0, 65535));
  AddStatusOption(demo, &command);
  demo->add_flag("--print-config", command.print_config, "Print the configuration it uses.");

  CLI::App* check = app.add_subcommand("check", "Say whether a configuration file is right.");
  AddConfigOption(check, &command);
  check->add_flag(
      "--without-files", command.without_files,
      "Certificates, keys, secrets and other files that it names may be missing on this "
      "machine: for a check elsewhere than where the file is used. Those that are there "
      "are read.");

  CLI::App* config = AddConfigCommand(&app);

  bool version = false;
  app.add_flag("-v,--version", version, "Print the version.");
  app.add_subcommand("version", "Print the version.");

  CLI::App* help = app.add_subcommand("help", "Print this help, or that of a command.");
  help->add_option("COMMAND", topic, "The command.")->type_name("");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    command.exit_code = app.exit(error) == 0 ? server::kExitOk : server::kExitUsage;
    return command;
  }
  // To require one beforehand would keep quiet about the name of an unknown one.
  if (app.get_subcommands().empty() && !version) {
    return UsageError(app, CLI::RequiredError::Subcommand(1), std::move(command));
  }
  if ((run->parsed() || check->parsed()) && command.config_path.empty()) {
    return UsageError(app, CLI::RequiredError("FILE (or --config FILE)"), std::move(command));
  }
  if (config->parsed() && config->get_subcommands().empty()) {
    return UsageError(*config, CLI::RequiredError::Subcommand(1), std::move(command));
  }
  if (help->parsed()) return PrintHelp(app, topic, std::move(command));
  command.kind = version            ? Command::Kind::kVersion
                 : run->parsed()    ? Command::Kind::kRun
                 : proxy->parsed()  ? Command::Kind::kProxy
                 : demo->parsed()   ? Command::Kind::kDemo
                 : check->parsed()  ? Command::Kind::kCheck
                 : config->parsed() ? KindOfConfig(*config)
                                    : Command::Kind::kVersion;
  return command;
}

std::string AddressHint(const Command& command, std::string_view error) {
  if (error.find("Address already in use") == error.npos) return "";
  const bool status = error.starts_with("status: ");
  switch (command.kind) {
    case Command::Kind::kRun:
      return status ? "; `status: {bind: ADDRESS}` in the file moves it, `status: off` omits it"
                    : "";
    case Command::Kind::kProxy:
    case Command::Kind::kDemo:
      if (status) return "; --status ADDRESS moves it, --status off omits it";
      return command.kind == Command::Kind::kProxy
                 ? "; --from ADDRESS listens elsewhere"
                 : "; --port PORT listens elsewhere (0: on a free one)";
    default: return "";
  }
}

}  // namespace holdfast
