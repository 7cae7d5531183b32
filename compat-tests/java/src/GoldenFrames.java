import java.nio.ByteBuffer;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.message.ResponseHeaderData;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.ObjectSerializationCache;

/**
 * Reads frames, a line each: direction, API, version, the whole frame in hexadecimal. Kafka's own classes must read each to its
 * end and write the same bytes again, but for versions that Kafka has dropped and Clatter serves. Prints "ok API frames" or "FAIL API why" for each API.
 *
 * <p>Usage: GoldenFrames DIRECTORY
 */
public final class GoldenFrames {
    private GoldenFrames() {}

    public static void main(String[] args) throws Exception {
        Map<String, Integer> read = new TreeMap<>();
        Map<String, String> failed = new TreeMap<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(Path.of(args[0]), "*.txt")) {
            for (Path file : files) {
                for (String line : Files.readAllLines(file)) {
                    if (line.startsWith("#")) {
                        continue;
                    }
                    String[] words = line.split(" ");
                    String name = words[0] + " " + words[1] + " v" + words[2];
                    try {
                        check(words[0].equals("request"), Short.parseShort(file.getFileName().toString().split("-")[0]), Short.parseShort(words[2]),
                            HexFormat.of().parseHex(words[3]));
                        read.merge(words[1], 1, Integer::sum);
                    } catch (Exception e) {
                        failed.put(words[1], name + ": " + e);
                    }
                }
            }
        }
        read.forEach((api, frames) -> {
            if (!failed.containsKey(api)) {
                System.out.println("ok " + api + " " + frames);
            }
        });
        failed.forEach((api, why) -> System.out.println("FAIL " + api + " " + why));
        System.exit(failed.isEmpty() ? 0 : 1);
    }

    private static void check(boolean request, short key, short version, byte[] frame) {
        ApiMessageType type = ApiMessageType.fromApiKey(key);
        if (version < type.lowestSupportedVersion()) {
            return;
        }
        ByteBuffer buffer = ByteBuffer.wrap(frame);
        expect("size", frame.length - Integer.BYTES, buffer.getInt());
        ByteBufferAccessor readable = new ByteBufferAccessor(buffer);
        ApiMessage header = request ? new RequestHeaderData() : new ResponseHeaderData();
        short headerVersion = request ? type.requestHeaderVersion(version) : type.responseHeaderVersion(version);
        header.read(readable, headerVersion);
        ApiMessage message = request ? type.newRequest() : type.newResponse();
        message.read(readable, version);
        expect("bytes that are left", 0, buffer.remaining());
        if (request) {
            expect("key", key, ((RequestHeaderData) header).requestApiKey());
        }

        ObjectSerializationCache cache = new ObjectSerializationCache();
        int size = header.size(cache, headerVersion) + message.size(cache, version);
        expect("size of what Kafka writes", frame.length - Integer.BYTES, size);
        ByteBuffer written = ByteBuffer.allocate(frame.length);
        written.putInt(size);
        ByteBufferAccessor writable = new ByteBufferAccessor(written);
        header.write(writable, cache, headerVersion);
        message.write(writable, cache, version);
        if (!ByteBuffer.wrap(frame).equals(written.flip())) {
            throw new IllegalStateException("Kafka writes " + HexFormat.of().formatHex(written.array()));
        }
    }

    private static void expect(String what, int want, int got) {
        if (want != got) {
            throw new IllegalStateException(what + ": " + got + " instead of " + want);
        }
    }
}
