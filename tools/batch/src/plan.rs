//! Which prompts are about which file, in the order of the work.

use crate::input::InputFile;
use crate::prompts::{Asked, PromptOf};
use std::collections::HashMap;
use unicode_normalization::UnicodeNormalization;
use uniultra_dataset::Shard;

/// A file with all that is asked about it.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) file: InputFile,
    /// By frame; within a frame in the order of the prompts' file.
    pub(crate) asked: Vec<Asked>,
}

impl Job {
    /// The number of each prompt among those of its frame, from 1.
    pub(crate) fn numbers(&self) -> Vec<usize> {
        let mut last = (None, 0);
        let number = |asked: &Asked| {
            let frame = Some(effective(asked));
            last = (frame, if last.0 == frame { last.1 + 1 } else { 1 });
            last.1
        };
        self.asked.iter().map(number).collect()
    }

    /// Lines that it has at least: one for each prompt, or one that says that there is none.
    pub(crate) fn lines(&self) -> usize {
        self.asked.len().max(1)
    }
}

/// The frame that is asked about; without a number it is the first.
pub(crate) fn effective(asked: &Asked) -> u32 {
    asked.frame.unwrap_or(1)
}

/// The files with their prompts, and what is left.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) jobs: Vec<Job>,
    /// Number of prompts about files that are not there, and some of their paths.
    pub(crate) without_file: (usize, Vec<String>),
}

/// Most paths of absent files to name.
const NAMED: usize = 10;

impl Plan {
    /// Brings prompts to their files, and keeps the files of a shard.
    pub(crate) fn new(files: Vec<InputFile>, prompts: Vec<PromptOf>, shard: Shard) -> Self {
        let places = Places::new(&files);
        let mut asked: Vec<Vec<Asked>> = vec![Vec::new(); files.len()];
        let mut without_file = (0, Vec::new());
        for (path, prompt) in prompts {
            match places.find(&path).and_then(|place| asked.get_mut(place)) {
                Some(list) => list.push(prompt),
                None => {
                    without_file.0 += 1;
                    if without_file.1.len() < NAMED && without_file.1.last() != Some(&path) {
                        without_file.1.push(path);
                    }
                }
            }
        }
        drop(places);
        let mut jobs = Vec::new();
        for (place, (file, mut asked)) in files.into_iter().zip(asked).enumerate() {
            if shard.holds(place) {
                // Stable: the order within a frame stays.
                asked.sort_by_key(effective);
                jobs.push(Job { file, asked });
            }
        }
        Self { jobs, without_file }
    }
}

/// Places of files by their paths.
struct Places {
    exact: HashMap<String, usize>,
    /// By the path with composed accents, `None` if several files share it: Linux keeps accents as they were typed,
    /// macOS takes them apart.
    composed: HashMap<String, Option<usize>>,
}

impl Places {
    fn new(files: &[InputFile]) -> Self {
        let mut places = Self { exact: HashMap::new(), composed: HashMap::new() };
        for (place, file) in files.iter().enumerate() {
            places.exact.insert(file.path.clone(), place);
            if !file.path.is_ascii() {
                let composed = file.path.nfc().collect();
                places
                    .composed
                    .entry(composed)
                    .and_modify(|found| *found = None)
                    .or_insert(Some(place));
            }
        }
        places
    }

    fn find(&self, path: &str) -> Option<usize> {
        let path = path.strip_prefix("./").unwrap_or(path);
        let exact = self.exact.get(path).copied();
        exact.or_else(|| self.composed.get(&path.nfc().collect::<String>()).copied().flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Input;
    use crate::prompts::PromptList;
    use std::fs;

    fn plan(names: &[&str], prompts: &str, shard: &str) -> Plan {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("tree");
        for name in names {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        let path = folder.path().join("p.csv");
        fs::write(&path, prompts).unwrap();
        let input = Input::find(&root, &[]).unwrap();
        Plan::new(input.files, PromptList::read(&path).unwrap().prompts, shard.parse().unwrap())
    }

    #[test]
    fn prompts_come_to_their_frames_in_order() {
        let table = "path,frame,points\nb,3,1 1\nb,,2 2\n./a,,3 3\nb,3,4 4\nc,,5 5\nb,1,6 6\n";
        let plan = plan(&["a", "b", "d"], table, "0/1");
        let jobs: Vec<_> =
            plan.jobs.iter().map(|job| (job.file.path.as_str(), job.asked.len())).collect();
        assert_eq!(jobs, [("a", 1), ("b", 4), ("d", 0)]);
        let frames: Vec<_> = plan.jobs[1].asked.iter().map(|asked| asked.frame).collect();
        assert_eq!(frames, [None, Some(1), Some(3), Some(3)]);
        assert_eq!(plan.jobs[1].numbers(), [1, 2, 1, 2]);
        assert_eq!((plan.jobs[1].lines(), plan.jobs[2].lines()), (4, 1));
        assert_eq!(plan.without_file, (1, vec!["c".to_string()]));
    }

    #[test]
    fn shards_share_the_files_out() {
        let table = "path,points\na,1 1\nb,1 1\nc,1 1\n";
        let paths = |shard| {
            let plan = plan(&["a", "b", "c"], table, shard);
            plan.jobs.into_iter().map(|job| job.file.path).collect::<Vec<_>>()
        };
        assert_eq!(paths("0/2"), ["a", "c"]);
        assert_eq!(paths("1/2"), ["b"]);
    }

    #[test]
    fn accents_may_be_apart() {
        let table = "path,points\nu\u{308}.png,1 1\n";
        let plan = plan(&["\u{fc}.png"], table, "0/1");
        assert_eq!((plan.jobs[0].asked.len(), plan.without_file.0), (1, 0));
    }
}
