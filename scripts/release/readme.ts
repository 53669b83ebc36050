/**
 * Makes the README that archives and the npm package bring along.
 *
 * @module
 */

import { REPOSITORY_PLACE } from "./make.ts";
import { type Repository, repositoryUrl } from "./names.ts";

/** Links and pictures of Markdown and HTML that lead to files beside the README. */
const LINKS = /(\]\(|^\[[^\]]+\]: )(?!https?:|mailto:|#)|(\b(?:src|srcset)=")(?!https?:)/gm;

/**
 * Returns the README for readers who do not have the repository beside it: its addresses are the
 * repository's, and its links lead to the files of this version there.
 */
export function readmeOutside(readme: string, version: string, repository: Repository): string {
  const url = repositoryUrl(repository);
  return readme
    .replaceAll(REPOSITORY_PLACE, `${repository.owner}/${repository.name}`)
    .replace(
      LINKS,
      (_, link: string | undefined, picture: string | undefined) =>
        link === undefined
          ? `${picture}${url}/raw/v${version}/`
          : `${link}${url}/blob/v${version}/`,
    );
}
