// Files of a drop, with those in its folders.

/** All files, folders walked through; hidden files and files that systems leave behind are not. */
export async function filesIn(entries) {
  const files = (await Promise.all(entries.map(walk))).flat();
  // A single file that was dropped by itself is always taken, so that its error is told.
  return files.filter((file) => files.length === 1 || !/^(\.|Thumbs\.db$|desktop\.ini$)/i.test(file.name));
}

async function walk(entry) {
  if (entry instanceof File) return [entry];
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    // Where it lay in the drop: /masks/a.png.
    return [Object.assign(file, { fullPath: entry.fullPath })];
  }
  const reader = entry.createReader();
  const found = [];
  // A reader gives its entries in portions; an empty one is the last.
  for (;;) {
    const portion = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!portion.length) break;
    found.push(...portion);
  }
  return (await Promise.all(found.map(walk))).flat();
}
