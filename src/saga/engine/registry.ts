/** The adaptors that are known: built-in, registered by the application, or named in its package.json. */
import { AlreadyExists, BadParameter, IncorrectURL } from '../core/exceptions.js';
import type { AdaptorManifest, Capability } from '../spi/adaptor.js';

/** An adaptor whose manifest is imported when one of its schemes is first asked for. */
export interface LazyAdaptor {
  readonly name: string;
  readonly schemes: readonly string[];
  manifest(): Promise<AdaptorManifest>;
}

export class AdaptorRegistry {
  readonly #adaptors: LazyAdaptor[];
  /** Undefined when they have been asked for. */
  #more: (() => readonly AdaptorManifest[]) | undefined;

  /** @param more - Further manifests; asked for once, when a scheme is not known or all are listed. */
  constructor(builtIns: readonly LazyAdaptor[], more?: () => readonly AdaptorManifest[]) {
    this.#adaptors = [...builtIns];
    this.#more = more;
  }

  /**
   * Makes an adaptor known to all sessions. For a scheme that several serve, those registered first are tried first.
   * @throws BadParameter for a manifest of another SPI version or without a scheme; AlreadyExists for a name in use.
   */
  register(manifest: AdaptorManifest): void {
    const { name, spi, schemes } = manifest as { name: unknown; spi: unknown; schemes: unknown };
    if (typeof name !== 'string' || name === '') throw new BadParameter('an adaptor manifest needs a name');
    if (spi !== 1)
      throw new BadParameter(`adaptor '${name}' is made for SPI version ${String(spi)}; this xosaga has 1`);
    if (!Array.isArray(schemes) || schemes.length === 0) {
      throw new BadParameter(`adaptor '${name}' names no URL scheme; put at least one into 'schemes'`);
    }
    if (this.#adaptors.some((a) => a.name === name)) {
      throw new AlreadyExists(`an adaptor named '${name}' is registered already`);
    }
    this.#adaptors.push({ name, schemes: manifest.schemes, manifest: () => Promise.resolve(manifest) });
  }

  /**
   * The manifests that serve `scheme` and declare `capability`, in the order in which they are to be tried.
   * @throws IncorrectURL when there is none; the message names what is there.
   */
  async serving(scheme: string, capability: Capability): Promise<AdaptorManifest[]> {
    if (!this.#adaptors.some((a) => a.schemes.includes(scheme))) this.#addMore();
    const named = this.#adaptors.filter((a) => a.schemes.includes(scheme));
    const manifests = await Promise.all(named.map((a) => a.manifest()));
    const able = manifests.filter((m) => m.capabilities.includes(capability));
    if (able.length > 0) return able;
    const known = [...new Set(this.#adaptors.flatMap((a) => a.schemes))].sort().join(', ');
    throw new IncorrectURL(
      named.length > 0
        ? `no adaptor for the scheme '${scheme}' offers ${capability} (asked: ${named.map((a) => a.name).join(', ')})`
        : `no adaptor serves the scheme '${scheme}'; known schemes: ${known}. Others come with registerAdaptor(manifest)`,
    );
  }

  /** All manifests, for listings. */
  async all(): Promise<AdaptorManifest[]> {
    this.#addMore();
    return Promise.all(this.#adaptors.map((a) => a.manifest()));
  }

  #addMore(): void {
    const more = this.#more;
    this.#more = undefined;
    for (const manifest of more?.() ?? []) this.register(manifest);
  }
}
