package io.taskercore.jruby;

import java.util.Arrays;
import org.jruby.RubyModule;
import org.jruby.RubyString;
import org.jruby.runtime.ThreadContext;
import org.jruby.util.ByteList;

/**
 * The keys of Hashes that one Ruby runtime has read lately: frozen, deduplicated, found by their bytes.
 *
 * <p>Documents have the same few keys again and again. Asking the runtime's own table of frozen Strings costs more than everything else
 * in reading a key. There are no locks: if two threads add keys at once and one gets lost, it is added again later. The cache is bounded,
 * so that keys that are really data push each other out and do no other harm.
 */
final class KeyCache {

  private static final String VARIABLE = "tasker_core_keys";
  private static final int SLOTS = 1024;
  private static final int PROBES = 4;
  private static final int MAX_BYTES = 64;

  private final Key[] keys = new Key[SLOTS];

  private record Key(int hash, byte[] bytes, RubyString string) {}

  /** The runtime's own cache. It hangs on {@code Object}, and goes with it. */
  static KeyCache of(ThreadContext context) {
    RubyModule object = context.runtime.getObject();
    KeyCache cache = (KeyCache) object.getInternalVariable(VARIABLE);
    if (cache == null) {
      cache = new KeyCache();
      object.setInternalVariable(VARIABLE, cache);
    }
    return cache;
  }

  /** @return null if it is not in the cache */
  RubyString find(byte[] bytes, int from, int to, int hash) {
    for (int probe = 0; probe < PROBES; probe++) {
      Key key = keys[slot(hash, probe)];
      if (key == null) {
        return null;
      }
      if (key.hash == hash && Arrays.equals(key.bytes, 0, key.bytes.length, bytes, from, to)) {
        return key.string;
      }
    }
    return null;
  }

  RubyString add(int hash, RubyString key) {
    ByteList bytes = key.getByteList();
    if (bytes.getRealSize() <= MAX_BYTES) {
      int probe = 0;
      while (probe < PROBES - 1 && keys[slot(hash, probe)] != null) {
        probe++;
      }
      // The oldest keys stay: they are a template's. Keys that come late and in such numbers are data.
      keys[slot(hash, probe)] = new Key(hash, bytes.bytes(), key);
    }
    return key;
  }

  private static int slot(int hash, int probe) {
    return (hash ^ hash >>> 15) + probe & SLOTS - 1;
  }
}
