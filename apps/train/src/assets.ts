/** A file of ../data. This module must stay one folder deep, as the built one is: then the same path leads there. */
export const assetUrl = (name: string): URL => new URL(`../data/${name}`, import.meta.url);
