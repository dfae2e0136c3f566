#include "gateway/command_line.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/server/lifecycle.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Kind = Command::Kind;

struct Parsed {
  Command command;
  std::string out;
  std::string err;
};

Parsed Parse(const std::vector<std::string>& arguments) {
  std::vector<const char*> argv = {"holdfast"};
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Parsed parsed;
  parsed.command = ParseCommandLine(static_cast<int>(argv.size()), argv.data());
  parsed.out = testing::internal::GetCapturedStdout();
  parsed.err = testing::internal::GetCapturedStderr();
  return parsed;
}

Command Accepted(const std::vector<std::string>& arguments) {
  const Parsed parsed = Parse(arguments);
  EXPECT_EQ(parsed.out + parsed.err, "");
  EXPECT_NE(parsed.command.kind, Kind::kPrinted);
  return parsed.command;
}

// The complaint of a line that is refused.
std::string Refused(const std::vector<std::string>& arguments) {
  const Parsed parsed = Parse(arguments);
  EXPECT_EQ(parsed.command.kind, Kind::kPrinted);
  EXPECT_EQ(parsed.command.exit_code, server::kExitUsage);
  EXPECT_EQ(parsed.out, "");
  return parsed.err;
}

std::string HelpOf(const std::vector<std::string>& arguments) {
  const Parsed parsed = Parse(arguments);
  EXPECT_EQ(parsed.command.kind, Kind::kPrinted);
  EXPECT_EQ(parsed.command.exit_code, server::kExitOk);
  EXPECT_EQ(parsed.err, "");
  return parsed.out;
}

TEST(CommandLineTest, RunTakesAFile) {
  for (const char* flag : {"-c", "--config"}) {
    const Command command = Accepted({"run", flag, "a.yaml"});
    EXPECT_EQ(command.kind, Kind::kRun);
    EXPECT_EQ(command.config_path, "a.yaml");
  }
  EXPECT_EQ(Accepted({"run", "--config=a.yaml"}).config_path, "a.yaml");
}

TEST(CommandLineTest, RunTakesAFileWithoutAFlag) {
  const Command command = Accepted({"run", "a.yaml"});
  EXPECT_EQ(command.kind, Kind::kRun);
  EXPECT_EQ(command.config_path, "a.yaml");
}

TEST(CommandLineTest, CheckTakesAFileWithAndWithoutAFlag) {
  EXPECT_EQ(Accepted({"check", "a.yaml"}).config_path, "a.yaml");
  EXPECT_FALSE(Accepted({"check", "a.yaml"}).without_files);
  EXPECT_TRUE(Accepted({"check", "--without-files", "a.yaml"}).without_files);
  const Command command = Accepted({"check", "-c", "b.yaml"});
  EXPECT_EQ(command.kind, Kind::kCheck);
  EXPECT_EQ(command.config_path, "b.yaml");
}

TEST(CommandLineTest, ProxyTakesOneEndpointOrSeveral) {
  const Command one = Accepted({"proxy", "--from", ":8080", "--to", "127.0.0.1:3000"});
  EXPECT_EQ(one.kind, Kind::kProxy);
  EXPECT_EQ(one.from, ":8080");
  EXPECT_THAT(one.to, ElementsAre("127.0.0.1:3000"));
  const Command two = Accepted({"proxy", "--to", "a:1", "--from", ":8080", "--to", "b:2"});
  EXPECT_THAT(two.to, ElementsAre("a:1", "b:2"));
}

TEST(CommandLineTest, DemoHasAPortOfItsOwn) {
  const Command plain = Accepted({"demo"});
  EXPECT_EQ(plain.kind, Kind::kDemo);
  EXPECT_EQ(plain.demo_port, 8080);
  EXPECT_FALSE(plain.print_config);
  EXPECT_EQ(Accepted({"demo", "--port", "9000"}).demo_port, 9000);
  EXPECT_TRUE(Accepted({"demo", "--print-config"}).print_config);
  EXPECT_EQ(plain.status, "127.0.0.1:9900");
  EXPECT_EQ(Accepted({"demo", "--status", "off"}).status, "off");
}

TEST(CommandLineTest, ProxyAndDemoSayWhereTheirStatusIs) {
  EXPECT_EQ(Accepted({"demo"}).status, "127.0.0.1:9900");
  EXPECT_EQ(Accepted({"demo", "--status", "off"}).status, "off");
  EXPECT_EQ(Accepted({"proxy", "--from", ":1", "--to", "a:1", "--status", ":9"}).status, ":9");
  EXPECT_THAT(Refused({"run", "-c", "a.yaml", "--status", "off"}), HasSubstr("--status"));
}

TEST(CommandLineTest, TheWholeLineIsRemembered) {
  EXPECT_THAT(Accepted({"check", "a.yaml"}).arguments, ElementsAre("holdfast", "check", "a.yaml"));
}

TEST(CommandLineTest, VersionTakesNothing) {
  EXPECT_EQ(Accepted({"version"}).kind, Kind::kVersion);
  EXPECT_NE(Refused({"version", "x"}), "");
}

TEST(CommandLineTest, VersionIsAFlagAsWell) {
  for (const char* flag : {"--version", "-v"}) {
    EXPECT_EQ(Accepted({flag}).kind, Kind::kVersion) << flag;
  }
}

TEST(CommandLineTest, HelpIsACommandAsWell) {
  EXPECT_EQ(HelpOf({"help"}), HelpOf({"--help"}));
  for (const char* name : {"run", "proxy", "demo", "check", "config", "version"}) {
    EXPECT_EQ(HelpOf({"help", name}), HelpOf({name, "--help"})) << name;
  }
  EXPECT_THAT(Refused({"help", "fly"}), HasSubstr("fly"));
}

TEST(CommandLineTest, WhatWasProbablyMeantIsTold) {
  struct Case {
    std::vector<std::string> line;
    std::string hint;
  };
  const Case cases[] = {
      {{"chekc", "a.yaml"}, "'chekc' is not known; did you mean 'check'?\n"},
      {{"config", "shcema"}, "'shcema' is not known; did you mean 'schema'?\n"},
      {{"help", "porxy"}, "'porxy' is not known; did you mean 'proxy'?\n"},
      {{"check", "a.yaml", "--without-file"},
       "'--without-file' is not known; did you mean '--without-files'?\n"},
      {{"run", "--confg=a.yaml"}, "'--confg' is not known; did you mean '--config'?\n"},
      {{"--versoin"}, "'--versoin' is not known; did you mean '--version'?\n"},
      // What is missing is told as well.
      {{"proxy", "--form", ":8080", "--to", "a:1"},
       "'--form' is not known; did you mean '--from'?\n"},
  };
  for (const Case& one : cases) {
    EXPECT_THAT(Refused(one.line), HasSubstr(one.hint)) << one.line.back();
  }
}

TEST(CommandLineTest, WhatIsLikeNothingGetsNoSuggestion) {
  for (const std::vector<std::string>& line :
       std::vector<std::vector<std::string>>{{"fly"},
                                             {"run", "a.yaml", "b.yaml"},
                                             {"run", "--fast"},
                                             {"help", "fly"},
                                             {"version", "x"}}) {
    EXPECT_THAT(Refused(line), Not(HasSubstr("did you mean"))) << line.front();
  }
}

// Either form will do, so neither is required by itself.
TEST(CommandLineTest, HelpDoesNotRequireAFileTwice) {
  for (const char* name : {"run", "check"}) {
    const std::string help = HelpOf({name, "--help"});
    EXPECT_THAT(help, Not(HasSubstr("REQUIRED"))) << help;
    EXPECT_THAT(help, HasSubstr("FILE")) << help;
  }
}

TEST(CommandLineTest, AnAddressInUseIsToldWithTheFlagThatHelps) {
  const auto hint = [](Kind kind, const std::string& subject) {
    return AddressHint({.kind = kind},
                       subject + ": cannot listen on 127.0.0.1:1: Address already in use");
  };
  EXPECT_THAT(hint(Kind::kProxy, "listener :1"), HasSubstr("--from"));
  EXPECT_THAT(hint(Kind::kDemo, "listener gateway"), HasSubstr("--port"));
  EXPECT_THAT(hint(Kind::kProxy, "status"), HasSubstr("--status"));
  EXPECT_THAT(hint(Kind::kDemo, "status"), HasSubstr("--status"));
  EXPECT_THAT(hint(Kind::kRun, "status"), HasSubstr("status: {bind:"));
  EXPECT_EQ(hint(Kind::kRun, "listener edge"), "");
  EXPECT_EQ(AddressHint({.kind = Kind::kDemo}, "listener gateway: Permission denied"), "");
}

TEST(CommandLineTest, HelpNamesEverySubcommand) {
  const std::string help = HelpOf({"--help"});
  for (const char* name : {"run", "proxy", "demo", "check", "config", "version"}) {
    EXPECT_THAT(help, HasSubstr(std::string("\n  ") + name + " ")) << help;
  }
}

TEST(CommandLineTest, ConfigPrintsOneOfThreeThings) {
  EXPECT_EQ(Accepted({"config", "schema"}).kind, Kind::kConfigSchema);
  EXPECT_EQ(Accepted({"config", "defaults"}).kind, Kind::kConfigDefaults);
  EXPECT_EQ(Accepted({"config", "docs"}).kind, Kind::kConfigDocs);
  EXPECT_THAT(Refused({"config"}), HasSubstr("subcommand"));
  EXPECT_THAT(Refused({"config", "shema"}), HasSubstr("shema"));
  EXPECT_THAT(Refused({"config", "schema", "docs"}), HasSubstr("docs"));
  for (const std::vector<std::string>& line :
       {std::vector<std::string>{"config", "--help"}, {"help", "config"}}) {
    EXPECT_THAT(HelpOf(line), HasSubstr("schema"));
    EXPECT_THAT(HelpOf(line), HasSubstr("defaults"));
    EXPECT_THAT(HelpOf(line), HasSubstr("docs"));
  }
}

TEST(CommandLineTest, HelpSaysWhatSignalsAndExitCodesMean) {
  for (const std::vector<std::string>& line :
       {std::vector<std::string>{"--help"}, {"run", "--help"}, {"proxy", "--help"}}) {
    const std::string help = HelpOf(line);
    for (const char* word :
         {"TERM", "INT", "QUIT", "HUP", "USR1", "USR2", "Exit codes", "second signal"}) {
      EXPECT_THAT(help, HasSubstr(word)) << line.front();
    }
  }
}

TEST(CommandLineTest, EverySubcommandHasHelpWithItsFlags) {
  EXPECT_THAT(HelpOf({"run", "-h"}), HasSubstr("--config"));
  EXPECT_THAT(HelpOf({"proxy", "--help"}), HasSubstr("--from"));
  EXPECT_THAT(HelpOf({"proxy", "--help"}), HasSubstr("--to"));
  EXPECT_THAT(HelpOf({"demo", "--help"}), HasSubstr("--port"));
  EXPECT_THAT(HelpOf({"demo", "--help"}), HasSubstr("8080"));
  EXPECT_THAT(HelpOf({"check", "--help"}), HasSubstr("--config"));
  EXPECT_THAT(HelpOf({"version", "--help"}), HasSubstr("version"));
}

TEST(CommandLineTest, NothingAtAllIsAUsageError) {
  EXPECT_THAT(Refused({}), HasSubstr("subcommand"));
}

TEST(CommandLineTest, AnUnknownSubcommandIsNamed) {
  EXPECT_THAT(Refused({"serve"}), HasSubstr("serve"));
}

TEST(CommandLineTest, AnUnknownFlagIsNamed) {
  EXPECT_THAT(Refused({"run", "-c", "a.yaml", "--verbose"}), HasSubstr("--verbose"));
  EXPECT_THAT(Refused({"demo", "--host", "x"}), HasSubstr("--host"));
}

TEST(CommandLineTest, AMissingValueIsNamed) {
  EXPECT_THAT(Refused({"run", "-c"}), HasSubstr("--config"));
  EXPECT_THAT(Refused({"proxy", "--from", ":1", "--to"}), HasSubstr("--to"));
  EXPECT_THAT(Refused({"proxy", "--from"}), HasSubstr("--from"));
}

TEST(CommandLineTest, AMissingFlagIsNamed) {
  EXPECT_THAT(Refused({"run"}), HasSubstr("--config"));
  EXPECT_THAT(Refused({"check"}), HasSubstr("config"));
  EXPECT_THAT(Refused({"proxy", "--to", "a:1"}), HasSubstr("--from"));
  EXPECT_THAT(Refused({"proxy", "--from", ":1"}), HasSubstr("--to"));
}

TEST(CommandLineTest, AnArgumentTooManyIsAUsageError) {
  EXPECT_THAT(Refused({"run", "-c", "a.yaml", "b.yaml"}), HasSubstr("b.yaml"));
  EXPECT_THAT(Refused({"proxy", "--from", ":1", "--to", "a:1", "b:2"}), HasSubstr("b:2"));
}

TEST(CommandLineTest, APortThatIsNoneIsAUsageError) {
  for (const char* port : {"65536", "-1", "http", ""}) {
    EXPECT_THAT(Refused({"demo", "--port", port}), HasSubstr("--port")) << port;
  }
}

TEST(CommandLineTest, TwoSubcommandsAreOneTooMany) { Refused({"demo", "run", "-c", "a.yaml"}); }

}  // namespace
}  // namespace holdfast
