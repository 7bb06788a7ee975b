/**
 * Put the OHIF viewer into dist/ohif, ready to be served below /ohif/, and compress everything that is served.
 *
 * Only the prebuilt viewer inside the published package is wanted, not the hundreds of packages it was built from: so it
 * is packed by npm, checked against the digest below, and unpacked without its source maps and without the inference
 * runtime (ort/), which no tool that Kahua shows needs.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';

const VERSION = '3.12.10';
const INTEGRITY = 'sha512-0kuF66Mq9c9dMD++bUsTjMrJpXJwaZhz9B4uS244DawAjSkTwIYFU93pxPuRUQixaRi7QAHlF3Fe1qudBlZrmA==';
const BASE = '/ohif/';

const web = join(import.meta.dirname, '..');
const dist = join(web, 'dist');
const viewer = join(dist, 'ohif');
const cache = join(web, 'node_modules', '.cache', 'ohif');
const archive = join(cache, `ohif-app-${VERSION}.tgz`);

const digest = (file) => `sha512-${createHash('sha512').update(readFileSync(file)).digest('base64')}`;

function fetchArchive() {
  if (existsSync(archive) && digest(archive) === INTEGRITY) return;
  mkdirSync(cache, { recursive: true });
  execFileSync('npm', ['pack', `@ohif/app@${VERSION}`, '--silent', '--pack-destination', cache], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const found = digest(archive);
  if (found !== INTEGRITY) {
    rmSync(archive);
    throw new Error(`@ohif/app@${VERSION} is not the package that was reviewed: its digest is ${found}.`);
  }
}

function unpack() {
  rmSync(viewer, { recursive: true, force: true });
  mkdirSync(viewer, { recursive: true });
  const unwanted = ['*.map', 'package/dist/ort', 'package/dist/app-config.js', 'package/dist/*service-worker.js'];
  const excluded = [...unwanted, 'package/dist/sw.js'].map((pattern) => `--exclude=${pattern}`);
  const wanted = ['package/dist'];
  execFileSync('tar', ['-xzf', archive, '-C', viewer, '--strip-components=2', ...excluded, ...wanted]);
  execFileSync('tar', ['-xzf', archive, '-C', viewer, '--strip-components=1', 'package/LICENSE']);
}

/** Replace every match, and fail where there is none: then another version needs another preparation. */
function replaced(text, pattern, replacement) {
  const result = text.replaceAll(pattern, replacement);
  if (result === text) throw new Error(`The viewer's index.html has nothing that matches ${pattern}.`);
  return result;
}

/** Move the viewer below BASE, without a service worker, and its inline scripts into files (the site's policy). */
function patchIndex() {
  const file = join(viewer, 'index.html');
  let page = readFileSync(file, 'utf8');
  page = replaced(page, /<script[^>]*src="\/init-service-worker\.js"[^>]*><\/script>/g, '');
  page = replaced(page, /<link rel="manifest"[^>]*>/g, '');
  page = replaced(page, /(src|href|content)="\/(?!\/)/g, `$1="${BASE}`);
  page = replaced(page, /window\.PUBLIC_URL = '\/'/g, `window.PUBLIC_URL = '${BASE}'`);
  let number = 0;
  page = replaced(page, /<script>([^<]*)<\/script>/g, (_, code) => {
    number += 1;
    writeFileSync(join(viewer, `start-${number}.js`), code);
    return `<script src="${BASE}start-${number}.js"></script>`;
  });
  writeFileSync(file, page);
}

/** Change a text in the scripts of the viewer that have it, and fail where none has. */
function patchScripts(text, replacement) {
  let found = false;
  for (const name of readdirSync(viewer)) {
    const file = join(viewer, name);
    if (!name.endsWith('.js')) continue;
    const script = readFileSync(file, 'utf8');
    if (!script.includes(text)) continue;
    writeFileSync(
      file,
      script.replaceAll(text, () => replacement),
    );
    found = true;
  }
  if (!found) throw new Error(`The viewer has no script with ${text}: it does this in another way.`);
}

/** Within a page of ours there is little room: an address with `closed` in it begins with the panels folded. */
function patchLayout() {
  for (const side of ['left', 'right']) {
    const closed = `${side}PanelClosed`;
    patchScripts(`${closed} = false,`, `${closed} = new URLSearchParams(window.location.search).has('closed'),`);
  }
}

/** The mode for fusions lays PET over CT; SPECT and MR can be laid over each other as well. */
function patchFusion() {
  const rule = (constraint) => `attribute: 'Modality',\n        constraint: {\n          ${constraint}\n        }`;
  patchScripts(rule("equals: {\n            value: 'CT'\n          }"), rule("includes: ['CT', 'MR']"));
  patchScripts(rule("equals: 'PT'"), rule("includes: ['PT', 'NM']"));
}

/**
 * A viewport scrolls a moment after it is told to. Where segments or structures are laid over the image, it may be gone
 * by then, replaced by the one that shows both; the viewer would say "Something went wrong" beside a picture that is right.
 */
function patchScroll() {
  const scroll = 'this.setImageIdIndex(newTargetImageIdIndex);\n            }, 40)';
  patchScripts(scroll, `if (!this.isDisabled) ${scroll}`);
}

/** Where segments or structures are laid over an image, the first slice that has one is shown, not the first of all. */
function patchFirstSlice() {
  const shown = 'displaySetInstanceUIDs: [refDisplaySet.displaySetInstanceUID]';
  patchScripts(shown, `${shown}, referencedImageId: displaySet.firstSegmentedSliceImageId`);
  const images = 'referencedImageIds = referencedDisplaySet.imageIds'; // a list that is made only when it is drawn
  patchScripts(images, 'referencedImageIds = referencedDisplaySet.images?.map((image) => image.imageId)');
}

/** The reader of slides is asked for at the root, wherever the viewer lies. */
function patchSlides() {
  const path = '/dicom-microscopy-viewer/dicomMicroscopyViewer.min.js';
  patchScripts(`'${path}'`, `'${BASE.slice(0, -1)}${path}'`);
}

/** Scripts, workers and style sheets know the folder they were built for: the root. */
function patchAssets() {
  for (const name of readdirSync(viewer)) {
    const file = join(viewer, name);
    if (!/\.(js|css)$/.test(name)) continue;
    const text = readFileSync(file, 'utf8');
    const patched = name.endsWith('.css')
      ? text.replaceAll(/url\(\/(?!\/)/g, `url(${BASE}`)
      : text.replaceAll('__webpack_require__.p = "/"', `__webpack_require__.p = "${BASE}"`);
    if (patched !== text) writeFileSync(file, patched);
    else if (name.startsWith('app.bundle')) throw new Error(`${name} does not say where its parts lie.`);
  }
}

const COMPRESSIBLE = /\.(js|css|html|svg|json|wasm)$/;
const QUALITY = 6;

/** Write NAME.br beside every larger text, so that the site only has to send it. */
function compress(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    const file = join(entry.parentPath, entry.name);
    if (!entry.isFile() || !COMPRESSIBLE.test(entry.name) || statSync(file).size < 1500) continue;
    const options = { params: { [constants.BROTLI_PARAM_QUALITY]: QUALITY } };
    writeFileSync(`${file}.br`, brotliCompressSync(readFileSync(file), options));
  }
}

fetchArchive();
unpack();
patchIndex();
patchAssets();
patchLayout();
patchFusion();
patchScroll();
patchFirstSlice();
patchSlides();
compress(dist);
