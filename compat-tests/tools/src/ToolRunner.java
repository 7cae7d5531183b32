import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import org.apache.kafka.common.utils.Exit;

/**
 * Runs the main methods of Kafka's tools one after the other in one JVM, because starting a JVM for each takes longer than all
 * of their work. The classes are those of the jars; only their way out, which Kafka lets tests replace, leads back here.
 *
 * <p>A request is one line: class, standard input and arguments, each in base64, separated by blanks. The answer is one
 * line: exit code, standard output and standard error, the latter two in base64.
 */
public final class ToolRunner {
    /** Carries an exit code up through a tool's main method. */
    private static final class ExitCalled extends Error {
        private static final long serialVersionUID = 1L;
    }

    private static volatile Integer exitCode;

    /** What the running tool would do when its JVM ends: some close their clients there. */
    private static final List<Runnable> hooks = Collections.synchronizedList(new ArrayList<>());

    private ToolRunner() {}

    public static void main(String[] ignored) throws Exception {
        Exit.setExitProcedure(ToolRunner::leave);
        Exit.setHaltProcedure(ToolRunner::leave);
        Exit.setShutdownHookAdder((name, hook) -> hooks.add(hook));
        InputStream in = System.in;
        PrintStream out = System.out;
        BufferedReader requests = new BufferedReader(new InputStreamReader(in, StandardCharsets.US_ASCII));
        for (String line = requests.readLine(); line != null; line = requests.readLine()) {
            String[] words = Arrays.stream(line.split(" ", -1)).map(ToolRunner::decode).toArray(String[]::new);
            ByteArrayOutputStream stdout = new ByteArrayOutputStream();
            ByteArrayOutputStream stderr = new ByteArrayOutputStream();
            PrintStream err = System.err;
            System.setIn(new ByteArrayInputStream(words[1].getBytes(StandardCharsets.UTF_8)));
            System.setOut(new PrintStream(stdout, true, StandardCharsets.UTF_8));
            System.setErr(new PrintStream(stderr, true, StandardCharsets.UTF_8));
            hooks.clear();
            int code = run(words[0], Arrays.copyOfRange(words, 2, words.length));
            List.copyOf(hooks).forEach(Runnable::run);
            System.out.flush();
            System.err.flush();
            System.setErr(err);
            System.setOut(out);
            out.println(code + " " + encode(stdout.toByteArray()) + " " + encode(stderr.toByteArray()));
            out.flush();
        }
        Runtime.getRuntime().halt(0); // whatever threads tools left
    }

    private static int run(String tool, String[] args) {
        exitCode = null;
        try {
            Class.forName(tool).getMethod("main", String[].class).invoke(null, (Object) args);
        } catch (InvocationTargetException e) {
            if (exitCode == null) {
                e.getCause().printStackTrace();
                return 1;
            }
        } catch (ReflectiveOperationException e) {
            e.printStackTrace();
            return 127;
        }
        return exitCode == null ? 0 : exitCode;
    }

    private static void leave(int code, String message) {
        if (exitCode == null) { // a tool that catches everything may call exit again on its way out
            exitCode = code;
        }
        if (message != null) {
            System.err.println(message);
        }
        throw new ExitCalled();
    }

    private static String decode(String word) {
        return new String(Base64.getDecoder().decode(word), StandardCharsets.UTF_8);
    }

    private static String encode(byte[] bytes) {
        return Base64.getEncoder().encodeToString(bytes);
    }
}
