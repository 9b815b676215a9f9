using System.Diagnostics;
using IotPsk.Device.Tests.Conformance;
using IotPsk.TestSupport;
using Mono.Cecil;

namespace IotPsk.Device.Tests.NanoFramework;

/// <summary>The sources of the .nfproj files compile as C# 9 against the runtime's API, and nothing else.</summary>
public sealed class CompilationTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("iotpsk-nano-");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public void What_Visual_Studio_builds_for_a_board_compiles_against_its_API_alone_and_is_the_subset()
    {
        string runtime = Runtime();
        foreach (NanoProject project in NanoProject.All)
        {
            (int exitCode, string said) = Compile(project.Name, runtime, project.IsProgram, project.References, project.Sources.Select(source => Path.Combine(SourceTree.Root, project.Folder, source)));
            Assert.True(exitCode == 0, $"{project.Name}:\n{said}");
        }
        // What is for boards alone is seen by no other test.
        using AssemblyDefinition program = AssemblyDefinition.ReadAssembly(Output("IotPsk.Device.App", true));
        Assert.NotNull(program.EntryPoint);
        IReadOnlyList<string> violations = new DeviceRules(ApiList.Load(Path.Combine(AppContext.BaseDirectory, "nanoframework-api"))).Check(program);
        Assert.True(violations.Count == 0, string.Join('\n', violations));
    }

    // Two runs: as long as declarations are wrong the compiler does not look into methods.
    [Fact]
    public void Declarations_that_the_runtime_does_not_have_do_not_compile() => AssertRejected(
        ("class A { System.Collections.Generic.List<int> L; }", "CS0234"),
        ("class B { System.Action<int> A; }", "CS0308"),
        ("record struct C(int A);", "CS8773"));

    [Fact]
    public void Statements_that_need_what_the_runtime_does_not_have_do_not_compile() => AssertRejected(
        ("class A { string F(string s) { return s[1..]; } }", "CS0518"),
        ("class B { void F() { System.Threading.Tasks.Task t = null; } }", "CS0234"),
        ("class D { bool F(string s) { return s?.Length == null; } }", "CS0518"),
        ("class F { void G() { System.Console.Beep(); } }", "CS0117"),
        ("class G { bool F(string s) { return s.Contains('a'); } }", "CS1503"));

    private void AssertRejected(params (string Source, string Error)[] samples)
    {
        string[] files = [.. samples.Select((sample, i) =>
        {
            string file = Path.Combine(_directory.FullName, $"sample{i}.cs");
            File.WriteAllText(file, sample.Source);
            return file;
        })];
        (int exitCode, string said) = Compile("Samples", Runtime(), false, [], files);
        Assert.NotEqual(0, exitCode);
        for (int i = 0; i < samples.Length; i++)
        {
            Assert.True(said.Split('\n').Any(line => line.Contains($"sample{i}.cs", StringComparison.Ordinal) && line.Contains("error " + samples[i].Error, StringComparison.Ordinal)),
                $"{samples[i].Error} for {samples[i].Source} is not among:\n{said}");
        }
    }

    private string Runtime()
    {
        string file = Path.Combine(_directory.FullName, "nanoruntime.dll");
        RuntimeAssembly.Write(Path.Combine(AppContext.BaseDirectory, "nanoframework-api"), file);
        return file;
    }

    private string Output(string name, bool isProgram) => Path.Combine(_directory.FullName, name + (isProgram ? ".exe" : ".dll"));

    private (int ExitCode, string Said) Compile(string name, string runtime, bool isProgram, IEnumerable<string> references, IEnumerable<string> sources)
    {
        string[] arguments =
        [
            Compiler(), "-nologo", "-noconfig", "-nostdlib", "-langversion:9.0", "-define:NANOFRAMEWORK_1_0", "-nowarn:1591,8632,1701,169",
            isProgram ? "-target:exe" : "-target:library", "-out:" + Output(name, isProgram), "-r:" + runtime,
            .. references.Select(reference => "-r:" + Output(Path.GetFileName(reference), false)), .. sources,
        ];
        using Process process = Process.Start(new ProcessStartInfo(Path.Combine(DotNet, "dotnet"), arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string said = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, said + errors.GetAwaiter().GetResult());
    }

    // The newest SDK beside the runtime that runs this test.
    private static string Compiler()
    {
        string root = Path.Combine(DotNet, "sdk");
        string[] sdks = [.. Directory.GetDirectories(root).Select(sdk => Path.Combine(sdk, "Roslyn", "bincore", "csc.dll")).Where(File.Exists)];
        Assert.True(sdks.Length > 0, $"no SDK in {root} has a C# compiler");
        return sdks.MaxBy(csc => Version.Parse(Path.GetRelativePath(root, csc).Split('-', Path.DirectorySeparatorChar)[0]))!;
    }

    private static string DotNet => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "..", "..", ".."));
}
