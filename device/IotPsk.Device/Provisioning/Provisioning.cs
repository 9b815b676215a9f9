using System;
using System.IO;
using IotPsk.Shared;

namespace IotPsk.Device
{
    /// <summary>Moves a credential file into the vault. On a board that happens at the first boot.</summary>
    public static class Provisioning
    {
        /// <summary>Stores a credential file in a vault slot, then overwrites and erases the file.</summary>
        /// <param name="vault">The vault.</param>
        /// <param name="slot">The slot.</param>
        /// <param name="path">The file, such as <c>I:\iotpsk.cred</c>.</param>
        /// <returns>False if there is no such file, or only the rest of one that was being erased when the power went.</returns>
        /// <exception cref="PskException">The file is no credential, or cannot be read or erased. It is erased only once the vault has it.</exception>
        public static bool Consume(Vault vault, int slot, string path)
        {
            if (!File.Exists(path))
            {
                return false;
            }

            bool taken = !IsHalfErased(vault, slot, path);
            if (taken)
            {
                Import(vault, slot, path);
            }

            try
            {
                Erase(path);
            }
            catch (Exception problem)
            {
                throw new PskException(PskError.CredentialFile, "erasing " + path, problem);
            }

            return taken;
        }

        /// <summary>Stores a credential file in a vault slot and leaves the file alone.</summary>
        /// <param name="vault">The vault.</param>
        /// <param name="slot">The slot.</param>
        /// <param name="path">The file.</param>
        /// <exception cref="PskException">The file cannot be read or is no credential.</exception>
        public static void Import(Vault vault, int slot, string path)
        {
            byte[] bundle = Read(path);
            try
            {
                vault.Import(slot, bundle, bundle.Length);
            }
            catch (PskException problem)
            {
                throw new PskException(problem.Code, path, problem);
            }
            finally
            {
                Array.Clear(bundle, 0, bundle.Length);
            }
        }

        /// <summary>Tells whose credential a file holds, and of which epoch.</summary>
        /// <param name="path">The file.</param>
        /// <returns>The credential without its keys.</returns>
        /// <exception cref="PskException">The file cannot be read or is no credential.</exception>
        public static CredentialBundle ReadPublic(string path)
        {
            byte[] bundle = Read(path);
            try
            {
                CredentialBundle credential = CredentialBundle.Decode(bundle, 0, bundle.Length);
                credential.Clear();
                return credential;
            }
            catch (FormatException problem)
            {
                throw new PskException(PskError.Bundle, path + ": " + problem.Message, problem);
            }
            finally
            {
                Array.Clear(bundle, 0, bundle.Length);
            }
        }

        // Erasing begins with the first byte, which no bundle has as 0, and not before the vault has the credential.
        private static bool IsHalfErased(Vault vault, int slot, string path)
        {
            byte[] bundle = Read(path);
            bool isOverwritten = bundle.Length > 0 && bundle[0] == 0;
            Array.Clear(bundle, 0, bundle.Length);
            return isOverwritten && vault.Describe(slot) != null;
        }

        private static byte[] Read(string path)
        {
            FileStream file = null;
            byte[] bundle = null;
            try
            {
                // A buffer of the stream's own would keep a copy of the keys.
                file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1);
                if (file.Length > CredentialBundle.MaxLength)
                {
                    throw new PskException(PskError.Bundle, path + " is too large");
                }

                bundle = new byte[(int)file.Length];
                int count = 0;
                while (count < bundle.Length)
                {
                    int read = file.Read(bundle, count, bundle.Length - count);
                    if (read <= 0)
                    {
                        Array.Clear(bundle, 0, count);
                        throw new PskException(PskError.CredentialFile, path);
                    }

                    count += read;
                }

                return bundle;
            }
            catch (PskException)
            {
                throw;
            }
            catch (Exception problem)
            {
                if (bundle != null)
                {
                    Array.Clear(bundle, 0, bundle.Length);
                }

                throw new PskException(PskError.CredentialFile, "reading " + path, problem);
            }
            finally
            {
                if (file != null)
                {
                    file.Dispose();
                }
            }
        }

        // Overwriting reaches the same flash pages or disk blocks on simple file systems only; on others it does no harm.
        private static void Erase(string path)
        {
            FileStream file = new FileStream(path, FileMode.Open, FileAccess.Write);
            try
            {
                byte[] zeros = new byte[64];
                for (long left = file.Length; left > 0; left -= zeros.Length)
                {
                    file.Write(zeros, 0, left < zeros.Length ? (int)left : zeros.Length);
                }

                file.Flush();
            }
            finally
            {
                file.Dispose();
            }

            File.Delete(path);
        }
    }
}
