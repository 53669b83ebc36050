/**
 * Says which runtime it runs on: compiled, that of the base, which the compiler need not be of.
 *
 * @module
 */

await Deno.stdout.write(new TextEncoder().encode(Deno.version.deno));
