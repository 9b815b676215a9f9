using IotPsk.Device.Tests.Conformance;
using IotPsk.TestSupport;
using Mono.Cecil;

namespace IotPsk.Device.Tests.NanoFramework;

/// <summary>What Visual Studio builds for a board is what is built and tested here.</summary>
public sealed class NanoProjectTests
{
    public static TheoryData<string> Folders => [.. NanoProject.All.Select(p => p.Folder)];

    [Theory]
    [MemberData(nameof(Folders))]
    public void The_projects_for_the_board_have_the_files_and_references_of_the_projects_here(string folder)
    {
        NanoProject project = NanoProject.All.Single(p => p.Folder == folder);
        AssertFile(project.File, project.Text());
        AssertFile(project.PackagesFile, project.PackagesText());
        Assert.NotEmpty(project.Sources);
    }

    [Fact]
    public void The_solution_for_the_board_has_all_of_them() =>
        AssertFile(Path.Combine(SourceTree.Root, NanoProject.Solution), NanoProject.SolutionText());

    // The files of a folder are what .NET compiles, but for those that are for boards alone.
    [Theory]
    [MemberData(nameof(Folders))]
    public void No_project_here_leaves_a_file_out_or_takes_one_from_elsewhere(string folder)
    {
        string project = File.ReadAllText(Path.Combine(SourceTree.Root, folder, Path.GetFileName(folder) + ".csproj"));
        string[] items = [.. project.Split('\n').Select(line => line.Trim()).Where(line => line.StartsWith("<Compile ", StringComparison.Ordinal))];
        Assert.Equal(Directory.Exists(Path.Combine(SourceTree.Root, folder, "Board")) ? ["<Compile Remove=\"Board/**\" />"] : [], items);
    }

    [Theory]
    [InlineData("shared/IotPsk.Shared", "IotPsk.Shared.dll")]
    [InlineData("device/IotPsk.Device.Native", "stub/IotPsk.Device.Native.dll")]
    [InlineData("device/IotPsk.Device", "IotPsk.Device.dll")]
    [InlineData("device/IotPsk.Device.App", "IotPsk.Device.App.dll")]
    public void Every_assembly_of_the_runtime_that_the_code_uses_is_referenced(string folder, string file)
    {
        NanoProject project = NanoProject.All.Single(p => p.Folder == folder);
        Dictionary<string, string> homes = Homes();
        using AssemblyDefinition assembly = AssemblyDefinition.ReadAssembly(Path.Combine(AppContext.BaseDirectory, file));
        IEnumerable<string> used = assembly.MainModule.GetTypeReferences().Select(t => t.FullName).Where(homes.ContainsKey).Select(name => homes[name]).Distinct();
        Assert.Empty(used.Except(project.Packages.Select(p => p.Assembly)));
    }

    // Type to the assembly of the list it is in. The lists carry their package's name or the assembly's.
    private static Dictionary<string, string> Homes()
    {
        var homes = new Dictionary<string, string>();
        foreach (string file in Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "nanoframework-api"), "*.txt"))
        {
            string name = Path.GetFileNameWithoutExtension(file);
            string assembly = name[..name.LastIndexOf('-')];
            foreach (string type in ApiList.TypesOf(file))
                homes.TryAdd(type, assembly);
        }
        Assert.Contains("System.Threading.Thread", homes.Keys);
        return homes;
    }

    private static void AssertFile(string path, string expected)
    {
        if (Environment.GetEnvironmentVariable("IOTPSK_REWRITE_NFPROJ") == "1")
            File.WriteAllText(path, expected);
        string hint = $"{Path.GetRelativePath(SourceTree.Root, path)} does not fit the sources; IOTPSK_REWRITE_NFPROJ=1 makes this test write it anew";
        Assert.True(File.Exists(path) && File.ReadAllText(path).Replace("\r", "", StringComparison.Ordinal) == expected, hint);
    }
}
