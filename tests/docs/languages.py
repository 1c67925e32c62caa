"""The snippets of a language made into programs: whole ones as they are, fragments with what a reader has around."""

import re
from dataclasses import dataclass

from docs.pages import Snippet, runnable

GO_IMPORTS = {
    "client": "hedgerow.internal/gen/go/client",
    "adminv1": "hedgerow.internal/gen/go/hedgerow/admin/v1",
    "chatv1": "hedgerow.internal/gen/go/hedgerow/chat/v1",
    "commonv1": "hedgerow.internal/gen/go/hedgerow/common/v1",
    "embedv1": "hedgerow.internal/gen/go/hedgerow/embed/v1",
    "errorsv1": "hedgerow.internal/gen/go/hedgerow/errors/v1",
    "routerv1": "hedgerow.internal/gen/go/hedgerow/router/v1",
    "usagev1": "hedgerow.internal/gen/go/hedgerow/usage/v1",
    "grpc": "google.golang.org/grpc",
    "codes": "google.golang.org/grpc/codes",
    "metadata": "google.golang.org/grpc/metadata",
    **{name: name for name in ("context", "errors", "fmt", "io", "iter", "log", "os", "strings", "testing", "time")},
}
GO_GIVEN = """\
	ctx context.Context, conn *grpc.ClientConn, stub chatv1.ChatServiceClient,
	request *chatv1.StreamCompleteRequest, spec *chatv1.ChatSpec, key string, err error,
"""
GO_MAIN = """\
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"

	"hedgerow.internal/gen/go/client"
	chatv1 "hedgerow.internal/gen/go/hedgerow/chat/v1"
)

func main() {
	conn, err := client.Dial(os.Args[1], client.WithPlaintext())
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	stub := chatv1.NewChatServiceClient(conn)
	for place, run := range snippets {
		spec := &chatv1.ChatSpec{
			Model:    "fast",
			Messages: []*chatv1.Message{client.TextMessage(chatv1.Role_ROLE_USER, "hi")},
		}
		request := &chatv1.StreamCompleteRequest{Chat: spec}
		_, failed := stub.Complete(ctx, &chatv1.CompleteRequest{Chat: &chatv1.ChatSpec{Model: "fsat"}})
		fmt.Println("==", place)
		if err := run(ctx, conn, stub, request, spec, "a-key", failed); err != nil {
			fmt.Println(place, "failed:", err)
			os.Exit(1)
		}
	}
}
"""
JAVA_IMPORTS = (
    *(f"io.hedgerow.{name}.v1.*" for name in ("chat", "common", "embed", "errors", "router")),
    "io.hedgerow.client.*",
    "io.grpc.ManagedChannel",
    "java.time.Duration",
    "java.util.*",
)
JAVA_FRAME = """\
final class Snippets {{
  interface Log {{ void warn(String text, Object... values); }}
  static final Log log = (text, values) -> System.out.println(text + Arrays.toString(values));
  static final Message HI =
      Message.newBuilder().setRole(Role.ROLE_USER).addContent(Part.newBuilder().setText("hi")).build();
{methods}
  public static void main(String[] args) throws Exception {{
    ManagedChannel channel = HedgerowChannels.to(args[0]).plaintext().open();
    try {{
      HedgerowClient client = HedgerowClient.on(channel).withDeadline(Duration.ofSeconds(30));
{calls}
    }} finally {{
      channel.shutdownNow();
    }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Program:
    """What a compiler takes."""

    files: dict[str, str]
    """Its files by their names."""
    runs: list[str]
    """The places of the snippets that it runs."""


def is_whole(snippet: Snippet) -> bool:
    """Whether it is a file as it stands."""
    return bool(re.search(r"^(?:package main|public (?:final )?class)\b", snippet.text, flags=re.MULTILINE))


def of_pages(language: str) -> list[Snippet]:
    """The fragments of a language. Those of pages outside docs/ are only compiled: their gateways are elsewhere."""
    return [one for one in runnable(language) if not is_whole(one) and not one.source]


def go_program() -> Program:
    """Every fragment as a function of one program."""
    files, table = {"main.go": GO_MAIN}, []
    for number, snippet in enumerate(of_pages("go")):
        files[f"snippet{number}.go"] = _go_file(number, snippet)
        if snippet.page.startswith("docs/"):
            table.append((snippet.place, f"snippet{number}"))
    rows = "".join(f'\t"{place}": {name},\n' for place, name in table)
    files["main.go"] += f"\nvar snippets = map[string]func(\n{GO_GIVEN}) error{{\n{rows}}}\n"
    return Program(files, [place for place, _ in table])


def _go_file(number: int, snippet: Snippet) -> str:
    """A fragment that is a declaration stands by itself; another one is the body of a function."""
    if re.match(r"(?:func|import)\b", snippet.text):
        body, call = snippet.text, ""
    else:
        # What a reader would go on with.
        names = re.findall(r"^(\w+(?:, \w+)*) :=", snippet.text, flags=re.MULTILINE)
        used = sorted({name for one in names for name in one.split(", ")} - {"_"})
        body, call = "", snippet.text + "".join(f"\t_ = {name}\n" for name in used)
    # The request at hand is that of a stream, but where an answer in one piece is asked for.
    unary = bool(re.search(r"\(ctx, stub, request\)", call)) and "Stream(" not in call
    before = "\trequest := &chatv1.CompleteRequest{Chat: request.Chat}\n" if unary else ""
    function = f"func snippet{number}(\n{GO_GIVEN}) error {{\n\t{{\n{before}{call}\t}}\n\treturn nil\n}}\n"
    code = re.sub(r'"(?:\\.|[^"\\])*"|`[^`]*`|//.*', "", body + function)
    used_packages = {name for name in re.findall(r"(?<![\w.])([a-z]\w*)\.[A-Z]", code) if name in GO_IMPORTS}
    imports = "".join(f'\t{name} "{GO_IMPORTS[name]}"\n' for name in sorted(used_packages))
    return f"package main\n\nimport (\n{imports})\n\n{body}{function}"


def java_program() -> Program:
    """Every whole class as a file, and every fragment as a method of one more."""
    files = {f"{_class_of(one)}.java": one.text for one in runnable("java") if is_whole(one)}
    methods, calls, runs = [], [], []
    for number, snippet in enumerate(of_pages("java")):
        methods.append(_java_method(number, snippet))
        if snippet.page.startswith("docs/"):
            calls.append(f'      System.out.println("== {snippet.place}");\n      snippet{number}(client);')
            runs.append(snippet.place)
    imports = "".join(f"import {name};\n" for name in JAVA_IMPORTS)
    frame = JAVA_FRAME.format(methods="\n".join(methods), calls="\n".join(calls))
    return Program({**files, "Snippets.java": imports + frame}, runs)


def _java_method(number: int, snippet: Snippet) -> str:
    """A fragment as a method, with what it takes for granted; one that begins with `catch` has something that fails."""
    text = snippet.text
    if text.startswith("catch"):
        wrong = 'CompleteRequest.newBuilder().setChat(ChatSpec.newBuilder().setModel("fsat").addMessages(HI)).build()'
        text = f"try {{ client.complete({wrong}); }} {text}"
    given = {
        "conversation": "List<Message> conversation = new ArrayList<>();",
        "request": _JAVA_REQUESTS["stream" if "client.stream(request)" in text else "complete"],
        "key": 'String key = "a-key";',
    }
    before = [line for name, line in given.items() if re.search(rf"(?<![\w.]){name}(?![\w(])", text)]
    before = [line for line in before if not re.search(rf"\b{line.split(' =')[0].split()[-1]} =", text)]
    taken = "HedgerowClient client" if not re.search(r"HedgerowClient client\b", text) else "HedgerowClient before"
    return f"  static void snippet{number}({taken}) throws Exception {{\n    {' '.join(before)}\n{text}  }}\n"


_JAVA_HI = 'ChatSpec.newBuilder().setModel("fast").addMessages(HI)'
_JAVA_REQUESTS = {
    kind: f"{name} request = {name}.newBuilder().setChat({_JAVA_HI}).build();"
    for kind, name in (("stream", "StreamCompleteRequest"), ("complete", "CompleteRequest"))
}


def _class_of(snippet: Snippet) -> str:
    found = re.search(r"^public (?:final )?class (\w+)", snippet.text, flags=re.MULTILINE)
    assert found is not None
    return found[1]
