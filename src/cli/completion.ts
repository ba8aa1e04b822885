/** `performer completion`: completion of verbs, options and their choices in a shell, from the commands' own tables. */

import { Argument, Command } from "commander";

import { frameErrors } from "./verb.ts";

const shells = ["bash", "zsh", "fish"] as const;
type Shell = (typeof shells)[number];

/** A command and the words that lead to it: "", "train", "bench attention". */
interface Place {
  readonly path: string;
  readonly command: Command;
}

/** @param loadVerbs all verbs with their options */
export function completionCommand(loadVerbs: () => Promise<readonly Command[]>): Command {
  return frameErrors(new Command("completion"), "performer completion")
    .description("Print a script that completes verbs, options and their choices in a shell.")
    .addArgument(new Argument("<shell>", "which shell").choices(shells))
    .addHelpText(
      "after",
      `
Examples:
  source <(performer completion bash)                                              in ~/.bashrc
  source <(performer completion zsh)                                               in ~/.zshrc, behind compinit
  performer completion fish > ~/.config/fish/completions/performer.fish            once`,
    )
    .action(async (shell: Shell) => {
      const root = new Command("performer").option("--help").option("--version");
      for (const verb of await loadVerbs()) root.addCommand(verb);
      process.stdout.write(shell === "fish" ? fishScript(root) : bashScript(root, shell));
    });
}

function placesOf(command: Command, path = ""): readonly Place[] {
  const inside = command.commands.flatMap((each) => placesOf(each, `${path} ${each.name()}`.trim()));
  return [{ path, command }, ...inside];
}

function wordsOf({ command }: Place): readonly string[] {
  const flags = command.options.flatMap(({ long, hidden }) => (long && !hidden ? [long] : []));
  return [...command.commands.map((each) => each.name()), ...flags, "--help"];
}

/** zsh runs bash's completions itself. */
function bashScript(root: Command, shell: Exclude<Shell, "fish">): string {
  const places = placesOf(root);
  const steps = places.slice(1).map(({ path }) => {
    const cut = path.lastIndexOf(" ");
    return `'${path.slice(0, Math.max(0, cut))}|${path.slice(cut + 1)}'`;
  });
  const choices = places.flatMap(({ path, command }) =>
    command.options.flatMap(({ long, argChoices }) =>
      long && argChoices ? [`    '${path} ${long}') words='${argChoices.join(" ")}' ;;`] : [],
    ),
  );
  const words = places.map((place) => `    '${place.path}') words='${wordsOf(place).join(" ")}' ;;`);
  return `${shell === "zsh" ? "autoload -U +X bashcompinit && bashcompinit\n" : ""}_performer() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" path='' words='' word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$path|$word" in
    ${steps.join("|")}) path="\${path:+$path }$word" ;;
    esac
  done
  case "$path $previous" in
${choices.join("\n")}
  esac
  if [ -z "$words" ]; then
    case "$path" in
${words.join("\n")}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _performer performer
`;
}

function fishScript(root: Command): string {
  const lines = placesOf(root).flatMap(({ path, command }) => {
    const [verb = "", inner] = path.split(" ");
    const condition =
      verb === ""
        ? "__fish_use_subcommand"
        : inner === undefined
          ? `__fish_seen_subcommand_from ${verb}`
          : `__fish_seen_subcommand_from ${verb}; and __fish_seen_subcommand_from ${inner}`;
    const begin = `complete -c performer -n '${condition}'`;
    return [
      ...command.commands.map((each) => `${begin} -a ${each.name()} -d ${quoted(firstSentence(each.description()))}`),
      ...command.options.flatMap(({ long, description, argChoices, required, hidden }) => {
        if (!long || hidden) return [];
        const values = argChoices ? ` -x -a '${argChoices.join(" ")}'` : required ? " -r" : "";
        return [`${begin} -l ${long.slice(2)}${values} -d ${quoted(description)}`];
      }),
    ];
  });
  return `${lines.join("\n")}\n`;
}

function firstSentence(text: string): string {
  return text.split(/[.:] /)[0] ?? text;
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
