/** Splitting a command line into words as a POSIX shell does (XCU 2.2), and nothing more: no expansion of any kind. */
import { BadParameter } from '../core/exceptions.js';

const BLANK = /[ \t\n]/;
/** Within double quotes a backslash is special only before these. */
const ESCAPABLE = '$`"\\\n';

/**
 * The words of a command line: blanks separate, quotes and backslashes quote.
 * @throws BadParameter for a quote that is not closed, or a backslash at the end.
 */
export function splitCommandLine(line: string): string[] {
  const words: string[] = [];
  // Undefined between words: an empty pair of quotes is a word too.
  let word: string | undefined;
  let i = 0;
  while (i < line.length) {
    const c = line.charAt(i);
    if (BLANK.test(c)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      i += 1;
      continue;
    }
    const [text, next] = piece(line, i);
    word = (word ?? '') + text;
    i = next;
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** The next quoted piece or single character, and where it ends. */
function piece(line: string, start: number): [string, number] {
  const c = line.charAt(start);
  if (c === "'") return singleQuoted(line, start);
  if (c === '"') return doubleQuoted(line, start);
  if (c !== '\\') return [c, start + 1];
  if (start + 1 === line.length) throw new BadParameter(`the command line ends with a backslash: ${line}`);
  // An escaped newline is a continued line.
  const next = line.charAt(start + 1);
  return [next === '\n' ? '' : next, start + 2];
}

function singleQuoted(line: string, start: number): [string, number] {
  const end = line.indexOf("'", start + 1);
  if (end < 0) throw new BadParameter(`the command line has a single quote that is not closed: ${line}`);
  return [line.slice(start + 1, end), end + 1];
}

function doubleQuoted(line: string, start: number): [string, number] {
  let text = '';
  for (let i = start + 1; i < line.length; i++) {
    const c = line.charAt(i);
    if (c === '"') return [text, i + 1];
    const next = line.charAt(i + 1);
    if (c !== '\\' || next === '' || !ESCAPABLE.includes(next)) {
      text += c;
    } else {
      if (next !== '\n') text += next;
      i += 1;
    }
  }
  throw new BadParameter(`the command line has a double quote that is not closed: ${line}`);
}
