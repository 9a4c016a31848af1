// A herd server on the JDK alone: NIO, one thread, one selector, and java.net.http for the upstream.
//
//     java JavaSelector SERVER PORT [NEIGHBOUR_PORT...]
//
// All lines that one read brings are answered by one write, and told to each neighbour by one write.
//
// Between servers: a connection to each neighbour, opened when there is first something to say and then kept. What
// is said is the AT line and the port of who says it, so that nobody is told what they have just told. What a
// neighbour does not get because it is down is lost to it. Everybody who connects is believed.

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigDecimal;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

final class JavaSelector {
  private static final Pattern LOCATION = Pattern.compile("([+-]\\d+(?:\\.\\d+)?)([+-]\\d+(?:\\.\\d+)?)");
  private static final Pattern TIME = Pattern.compile("[+-]?\\d+(?:\\.\\d{1,9})?");
  private static final Pattern RADIUS = Pattern.compile("\\d+(?:\\.\\d+)?");
  private static final Pattern BOUND = Pattern.compile("\\d{1,9}");
  private static final int MOST_OF_A_LINE = 64 * 1024;
  private static final Duration PATIENCE = Duration.ofSeconds(10);
  private static final String HOST = "127.0.0.1";
  private static final String UPSTREAM =
      System.getenv().getOrDefault("PEER_UPSTREAM", "http://127.0.0.1:12000/maps/api/place/nearbysearch/json");

  private record Known(double seconds, String at) {}

  /** What a connection does when its channel is ready. */
  private interface Ready {
    void run() throws IOException;
  }

  private final String name;
  private final int port;
  private final Selector selector = Selector.open();
  private final List<Neighbour> neighbours = new ArrayList<>();
  private final Map<String, Known> records = new HashMap<>();
  private final ByteBuffer input = ByteBuffer.allocateDirect(64 * 1024);
  /** What the threads of the HTTP client want done on ours. */
  private final Queue<Runnable> tasks = new ConcurrentLinkedQueue<>();
  private final HttpClient http =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(PATIENCE).build();

  private JavaSelector(String name, int port) throws IOException {
    this.name = name;
    this.port = port;
  }

  public static void main(String[] arguments) throws IOException {
    var server = new JavaSelector(arguments[0], Integer.parseInt(arguments[1]));
    for (int n = 2; n < arguments.length; n++) {
      server.neighbours.add(server.new Neighbour(arguments[n]));
    }
    server.run();
  }

  private void run() throws IOException {
    var listener = ServerSocketChannel.open();
    listener.bind(new InetSocketAddress(HOST, port), 1024);
    listener.configureBlocking(false);
    Ready accept = () -> {
      for (SocketChannel channel; (channel = listener.accept()) != null; ) {
        new Connection(channel);
      }
    };
    listener.register(selector, SelectionKey.OP_ACCEPT, accept);
    System.out.printf("java: %s listens on %s:%d%n", name, HOST, port);
    while (true) {
      selector.select(key -> {
        try {
          if (key.isValid()) {
            ((Ready) key.attachment()).run();
          }
        } catch (IOException gone) {
          close(key);
        }
      });
      for (Runnable task; (task = tasks.poll()) != null; ) {
        task.run();
      }
    }
  }

  private static void close(SelectionKey key) {
    try {
      key.channel().close();
    } catch (IOException ignored) {
      // It is of no use any more either way.
    }
  }

  // What the server knows.

  /** Keeps a record that is newer than what is known, and says whether it was. */
  private boolean learn(String client, String time, String at) {
    double seconds = Double.parseDouble(time);
    Known known = records.get(client);
    if (known != null && seconds <= known.seconds) {
      return false;
    }
    records.put(client, new Known(seconds, at));
    return true;
  }

  private String report(String client, String location, String time) {
    return "AT " + name + ' ' + skew(time) + ' ' + client + ' ' + location + ' ' + time;
  }

  private static String skew(String time) {
    Instant now = Instant.now();
    double difference = now.getEpochSecond() + now.getNano() / 1e9 - Double.parseDouble(time);
    return (difference < 0 ? "" : "+") + BigDecimal.valueOf(Math.round(difference * 1e9), 9).toPlainString();
  }

  private void flood(List<String> news, String hop) {
    var lines = new StringBuilder();
    for (String at : news) {
      lines.append(at).append(' ').append(port).append('\n');
    }
    byte[] bytes = lines.toString().getBytes(ISO_8859_1);
    for (Neighbour neighbour : neighbours) {
      if (!neighbour.port.equals(hop)) {
        neighbour.tell(bytes);
      }
    }
  }

  // Places.

  private HttpRequest question(String location, double radius) {
    Matcher parts = LOCATION.matcher(location);
    parts.matches();
    String query = String.format(Locale.ROOT, "?location=%s,%s&radius=%.0f", parts.group(1).replace("+", ""),
        parts.group(2).replace("+", ""), radius * 1000);
    return HttpRequest.newBuilder(URI.create(UPSTREAM + query)).timeout(PATIENCE).build();
  }

  private static String body(HttpResponse<String> response, Throwable failure, int bound) {
    if (failure == null && response.statusCode() == 200) {
      return cut(response.body(), bound).replaceAll("\n{2,}", "\n").strip() + "\n\n";
    }
    return "{\"html_attributions\": [], \"results\": [], \"status\": \"UNKNOWN_ERROR\"}\n\n";
  }

  /** The JSON without what is behind the first so many of its results. The JDK has no parser for it. */
  private static String cut(String json, int bound) {
    int depth = 0;
    int count = 0;
    int end = -1; // of the last result that is kept
    boolean inResults = false;
    for (int at = 0; at < json.length(); at++) {
      switch (json.charAt(at)) {
        case '"' -> {
          int from = at;
          for (at++; json.charAt(at) != '"'; at++) {
            if (json.charAt(at) == '\\') {
              at++;
            }
          }
          if (depth == 1 && json.startsWith("\"results\"", from)) {
            inResults = json.substring(at + 1).stripLeading().startsWith(":");
          }
        }
        case '[', '{' -> {
          depth++;
          if (inResults && depth == 2 && bound == 0) {
            end = at + 1;
          }
        }
        case ']', '}' -> {
          depth--;
          if (inResults && depth == 2 && ++count == bound) {
            end = at + 1;
          }
          if (inResults && depth == 1) {
            return end < 0 ? json : json.substring(0, end) + json.substring(at);
          }
        }
        default -> {}
      }
    }
    return json;
  }

  // Connections.

  /** Bytes on their way out: written at once where the kernel takes them, and when it does again where not. */
  private final class Outbox {
    private final Deque<ByteBuffer> waiting = new ArrayDeque<>();

    boolean isEmpty() {
      return waiting.isEmpty();
    }

    void add(byte[] bytes) {
      waiting.add(ByteBuffer.wrap(bytes));
    }

    void clear() {
      waiting.clear();
    }

    void write(SocketChannel channel) throws IOException {
      for (ByteBuffer next; (next = waiting.peek()) != null; waiting.remove()) {
        channel.write(next);
        if (next.hasRemaining()) {
          return;
        }
      }
    }
  }

  /** The connection on which a neighbour is told what is new. */
  private final class Neighbour implements Ready {
    private final String port;
    private final Outbox outbox = new Outbox();
    private SelectionKey key;

    Neighbour(String port) {
      this.port = port;
    }

    void tell(byte[] lines) {
      try {
        if (key == null || !key.isValid()) {
          outbox.clear();
          var channel = SocketChannel.open();
          channel.configureBlocking(false);
          channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
          channel.connect(new InetSocketAddress(HOST, Integer.parseInt(port)));
          key = channel.register(selector, SelectionKey.OP_CONNECT, this);
        }
        boolean isIdle = outbox.isEmpty();
        outbox.add(lines);
        if (isIdle && key.interestOps() != SelectionKey.OP_CONNECT) {
          write();
        }
      } catch (IOException gone) {
        close(key);
      }
    }

    @Override
    public void run() throws IOException {
      var channel = (SocketChannel) key.channel();
      if (key.isConnectable()) {
        channel.finishConnect();
      } else if (key.isReadable()) {
        input.clear();
        if (channel.read(input) < 0) {
          close(key);
          return;
        }
      }
      write();
    }

    private void write() throws IOException {
      outbox.write((SocketChannel) key.channel());
      key.interestOps(outbox.isEmpty() ? SelectionKey.OP_READ : SelectionKey.OP_READ | SelectionKey.OP_WRITE);
    }
  }

  /** A client, or a neighbour that tells what is new. */
  private final class Connection implements Ready {
    private final SocketChannel channel;
    private final SelectionKey key;
    private final Outbox outbox = new Outbox();
    /** A line that is not complete. */
    private byte[] rest = new byte[0];
    /** Lines that wait for the answer to the one before. */
    private final Deque<String> lines = new ArrayDeque<>();
    private boolean isAsking;
    private boolean hasEnded;

    Connection(SocketChannel channel) throws IOException {
      this.channel = channel;
      channel.configureBlocking(false);
      channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
      key = channel.register(selector, SelectionKey.OP_READ, this);
    }

    @Override
    public void run() throws IOException {
      if (key.isReadable()) {
        read();
      }
      goOn();
    }

    private void read() throws IOException {
      input.clear();
      hasEnded = channel.read(input) < 0;
      input.flip();
      byte[] bytes = new byte[rest.length + input.remaining()];
      System.arraycopy(rest, 0, bytes, 0, rest.length);
      input.get(bytes, rest.length, input.remaining());
      int start = 0;
      for (int at = rest.length; at < bytes.length; at++) {
        if (bytes[at] == '\n') {
          lines.add(new String(bytes, start, at - start, ISO_8859_1));
          start = at + 1;
        }
      }
      rest = Arrays.copyOfRange(bytes, start, bytes.length);
      if (hasEnded && rest.length > 0) {
        lines.add(new String(rest, ISO_8859_1));
      }
      if (rest.length > MOST_OF_A_LINE) {
        throw new IOException("a line that is too long");
      }
    }

    /** Answers lines up to one that has to wait for the upstream, and writes. */
    private void goOn() throws IOException {
      var answers = new StringBuilder();
      List<String> news = new ArrayList<>();
      String hop = null;
      while (!isAsking && !lines.isEmpty()) {
        String line = lines.remove();
        List<String> fields = fields(line);
        String command = fields.isEmpty() ? "" : fields.get(0);
        if (command.equals("IAMAT") && fields.size() == 4 && isReport(fields.get(2), fields.get(3))) {
          String at = report(fields.get(1), fields.get(2), fields.get(3));
          answers.append(at).append('\n');
          if (learn(fields.get(1), fields.get(3), at)) {
            news.add(at);
          }
        } else if (command.equals("AT") && (fields.size() == 6 || fields.size() == 7)
            && isReport(fields.get(4), fields.get(5))) {
          hop = fields.size() == 7 ? fields.get(6) : null;
          String at = String.join(" ", fields.subList(0, 6));
          if (learn(fields.get(3), fields.get(5), at)) {
            news.add(at);
          }
        } else if (command.equals("WHATSAT") && fields.size() == 4 && isQuestion(fields)) {
          ask(records.get(fields.get(1)).at, fields);
        } else {
          answers.append("? ").append(line, 0, line.length() - (line.endsWith("\r") ? 1 : 0)).append('\n');
        }
      }
      if (!news.isEmpty()) {
        flood(news, hop);
      }
      if (answers.length() > 0) {
        outbox.add(answers.toString().getBytes(ISO_8859_1));
      }
      outbox.write(channel);
      if (!outbox.isEmpty()) {
        key.interestOps(SelectionKey.OP_WRITE);
      } else if (isAsking) {
        key.interestOps(0);
      } else if (hasEnded) {
        close(key);
      } else {
        key.interestOps(SelectionKey.OP_READ);
      }
    }

    private boolean isReport(String location, String time) {
      return LOCATION.matcher(location).matches() && TIME.matcher(time).matches();
    }

    private boolean isQuestion(List<String> fields) {
      return records.containsKey(fields.get(1)) && RADIUS.matcher(fields.get(2)).matches()
          && BOUND.matcher(fields.get(3)).matches() && Double.parseDouble(fields.get(2)) <= 50
          && Integer.parseInt(fields.get(3)) <= 20;
    }

    private void ask(String at, List<String> fields) {
      isAsking = true;
      int bound = Integer.parseInt(fields.get(3));
      HttpRequest question = question(List.of(at.split(" ")).get(4), Double.parseDouble(fields.get(2)));
      http.sendAsync(question, HttpResponse.BodyHandlers.ofString(UTF_8)).whenComplete((response, failure) -> {
        byte[] places = body(response, failure, bound).getBytes(UTF_8);
        tasks.add(() -> answered((at + '\n').getBytes(ISO_8859_1), places));
        selector.wakeup();
      });
    }

    private void answered(byte[] at, byte[] places) {
      isAsking = false;
      var both = new ByteArrayOutputStream();
      both.writeBytes(at);
      both.writeBytes(places);
      outbox.add(both.toByteArray());
      try {
        goOn();
      } catch (IOException gone) {
        close(key);
      }
    }
  }

  /** What stands between white space. */
  private static List<String> fields(String line) {
    List<String> fields = new ArrayList<>(7);
    int length = line.length();
    for (int at = 0; at < length; ) {
      int start = at;
      while (at < length && !isSpace(line.charAt(at))) {
        at++;
      }
      if (at > start) {
        fields.add(line.substring(start, at));
      }
      at++;
    }
    return fields;
  }

  private static boolean isSpace(char character) {
    return character == ' ' || character >= '\t' && character <= '\r';
  }
}
