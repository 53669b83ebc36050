/**
 * The house rules, by name.
 *
 * @module
 */

import {
  builtInsAreOld,
  namesHaveOneHome,
  noAny,
  propertiesAreSeeded,
  publicApiIsDocumented,
  runtimesStayInTheirRoom,
  stdoutIsTheProtocols,
  testsAreFound,
  testsAreOn,
  testsMirrorTheSource,
  unitTestsStartNothing,
  zodIsShaken,
} from "./code_rules.ts";
import { documentsAreCurrent } from "./documents.ts";
import { commandsLoadLittle, cycles, filesAreUsed, layering, simulatorEntry } from "./imports.ts";
import { linksLeadSomewhere } from "./links.ts";
import {
  documentsNameRealFiles,
  noMachineFacts,
  noSecrets,
  nothingUnfinished,
  permissionsMatchSettings,
  settingsAreUsed,
  topLevelIsAgreed,
} from "./text_rules.ts";
import type { Rule } from "./tree.ts";

/** Every rule, by what it demands; `tests/house` has an example that breaks each. */
export const RULES: Readonly<Record<string, Rule>> = {
  "imports point one way": layering,
  "the simulator is used by its entry": simulatorEntry,
  "no import cycles": cycles,
  "source files are used": filesAreUsed,
  "commands load little": commandsLoadLittle,
  "runtimes stay in their room": runtimesStayInTheirRoom,
  "Node 20 has what is used": builtInsAreOld,
  "stdout carries the protocol only": stdoutIsTheProtocols,
  "an exported name has one home": namesHaveOneHome,
  "no any": noAny,
  "zod without its translations": zodIsShaken,
  "exports are documented": publicApiIsDocumented,
  "properties are seeded": propertiesAreSeeded,
  "tests are on": testsAreOn,
  "tests are found": testsAreFound,
  "tests mirror the source": testsMirrorTheSource,
  "unit tests start no program": unitTestsStartNothing,
  "no facts of one machine": noMachineFacts,
  "no secrets": noSecrets,
  "nothing unfinished": nothingUnfinished,
  "documents name files that are there": documentsNameRealFiles,
  "links lead somewhere": linksLeadSomewhere,
  "top level as agreed": topLevelIsAgreed,
  "permissions match settings": permissionsMatchSettings,
  "settings are used": settingsAreUsed,
  "generated tables are current": documentsAreCurrent,
};
