"""Words that tell names of people from other capitalised words. English, with some French."""

from __future__ import annotations

from infinisum.features import FUNCTION_WORDS


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Titles by whom they name. A surname follows those of the first three; a first name may follow
# those of GIVEN_TITLES.
MARRIED = _set("Mrs Madame Mme Mistress Lady Countess Duchess Marchioness Baroness Dame Frau Donna")
UNMARRIED = _set("Miss Mademoiselle Mlle Ms Fräulein Señorita")
MALE = _set(
    """Mr Mister Monsieur M Sir Lord Master Herr Signor Señor Don Count Duke Marquis Baron Earl
    Prince King Emperor Captain Capt Colonel Col Major General Lieutenant Lieut Sergeant Admiral
    Commodore Doctor Dr Professor Prof Reverend Rev Father Brother Uncle Judge Justice Squire
    Bishop Archbishop Cardinal Abbé Deacon Vicar Parson Governor President Senator Inspector
    Constable Alderman Recorder Messrs Corporal"""
)
FEMALE_GIVEN = _set("Aunt Sister Mother Queen Princess Empress Madam Granny Nurse")
TITLES = MARRIED | UNMARRIED | MALE | FEMALE_GIVEN
GIVEN_TITLES = FEMALE_GIVEN | _set(
    """Miss Lady Sir Lord Master Father Brother Uncle King Emperor Prince Don Donna Dame Mistress
    Mademoiselle"""
)
# Titles that may stand for their bearer: "the Captain".
RANKS = _set(
    """Captain Count Colonel Major Doctor Professor General Marquis Duke Baron Vicar Recorder
    Lieutenant Admiral Countess Duchess Prince Princess Bishop Inspector Squire"""
)
ABBREVIATED = _set("Mr Mrs Ms Dr St Capt Col Rev Prof Lieut Messrs M Mme Mlle Hon Esq")
PARTICLES = _set("de von van di du la le del della da der des")
CAPITAL_PARTICLES = _set("Van Von De Di Du La Le Mac St")
PEERS = _set("Lady Lord Sir Countess Duchess Count Duke Prince Princess King Queen Emperor Dame")
NOBLE = _set("Count Duke Earl Marquis Prince King Queen Lord Lady Princess Countess Baron")

# Last words of names of places.
PLACE_WORDS = _set(
    """Street Road Lane Square Park House Hall Hill Hills Bridge River Lake Mount Mountain Mountains
    Castle Sea Ocean Island Islands Abbey Bay Court Inn Church Cathedral Wood Woods Forest Valley
    Manor Lodge Cottage Farm Mill Wall Bar Row Town City County Station Gardens Place Cape Gate
    Terrace Alley Harbour Coast Parsonage Prison Tower College Market Cross Fields Heath Moor Pass
    Chapel Grange Quay Wharf Staithe Saltings Bell Arms Hotel Hospital Asylum Bank Temple Alps"""
)
PLACE_PREPOSITIONS = _set(
    "in at near through towards toward into across around throughout within outside from reached"
)

DETERMINERS = _set("a an some any no every each another such enough")

SPEAKING = _set(
    """said cried replied asked answered thought felt looked knew smiled laughed nodded exclaimed
    returned observed added whispered sighed wished spoke began continued repeated murmured muttered
    shouted turned stood sat went came took rose shook saw heard had was were could would did told
    remarked inquired declared paused walked gave made"""
)
SAYING = _set(
    """said cried replied asked answered exclaimed observed added whispered continued repeated
    murmured muttered shouted remarked inquired says returned quoth"""
)

# Capitalised for other reasons than being somebody's name.
NOT_NAMES = (
    FUNCTION_WORDS
    | SAYING
    | _set(
        """monday tuesday wednesday thursday friday saturday sunday january february march april may
    june july august september october november december christmas easter michaelmas lent god lord
    heaven heavens christ bible providence almighty english french german irish scotch scottish
    british american italian spanish russian dutch greek roman latin indian turkish jew jewish
    christian christians catholic protestant englishman frenchman englishmen frenchmen europeans
    european african asian chapter book part volume letter act scene canto stave mr mrs i ii iii iv
    v vi vii viii ix x xi xii sir madam ma'am maam mamma papa father mother brother sister uncle
    aunt oh ah o alas hush hurrah yes no ay aye nay pray dear dearest good poor young old little
    great holy north south east west northern southern eastern western spirit ghost majesty
    highness honour excellency lordship ladyship parliament government company state states
    republic church army navy regiment government act law nature death love time fate fortune
    here's there's what's that's let's come well look listen ha hallo hello halloa bless thank
    welcome exit exeunt enter devil satan moon sun earth world gentleman gentlemen ladies monsieur
    madame thus"""
    )
)

NICKNAMES = {
    "Lizzy": "Elizabeth", "Eliza": "Elizabeth", "Lizzie": "Elizabeth", "Bess": "Elizabeth",
    "Kitty": "Catherine", "Kate": "Katherine", "Tom": "Thomas", "Tommy": "Thomas",
    "Will": "William", "Bill": "William", "Billy": "William", "Dick": "Richard",
    "Bob": "Robert", "Robin": "Robert", "Jack": "John", "Johnny": "John", "Ned": "Edward",
    "Teddy": "Theodore", "Kit": "Christopher", "Dan": "Daniel", "Harry": "Henry",
    "Peggy": "Margaret", "Meg": "Margaret", "Nell": "Eleanor", "Sam": "Samuel", "Ben": "Benjamin",
    "Joe": "Joseph", "Jim": "James", "Jem": "James", "Jerry": "Jeremiah", "Nat": "Nathaniel",
    "Nick": "Nicholas", "Fred": "Frederick", "Charley": "Charles", "Charlie": "Charles",
    "Polly": "Mary", "Molly": "Mary", "Sally": "Sarah", "Fanny": "Frances", "Harriet": "Harriet",
    "Nan": "Anne", "Nancy": "Anne", "Annie": "Anne", "Susy": "Susan", "Mat": "Matthew",
    "Mina": "Wilhelmina",
    "Tim": "Timothy", "Art": "Arthur", "Andy": "Andrew", "Pete": "Peter", "Abe": "Abraham",
}  # fmt: skip

MALE_NAMES = _set(
    """Abel Abraham Adam Albert Alexander Alexandre Alfred Amos Andrew Anthony Archibald Arthur
    Augustus Benjamin Charles Christopher Daniel David Ebenezer Edgar Edmund Edward Ernest Eugene
    Ezra Felix Francis Frank
    Frederick Geoffrey George Gilbert Godfrey Harold Henry Herbert Hugh Isaac Jacob James Jasper
    John Jonathan Joseph Joshua Josiah Julian Laurence Lawrence Leonard Lucas Luke Mark Martin
    Matthew Michael Nathaniel Nicholas Oliver Oscar Patrick Paul Percival Peter Philip Quincey Ralph
    Richard Robert Roger Rupert Samuel Sidney Silas Simon Stephen Sydney Theodore Thomas Tom Victor
    Vincent Walter William Bob Tom Jack Dick Harry Jerry Jim Joe Sam Will Ned"""
)
FEMALE_NAMES = _set(
    """Ada Adelaide Adele Agatha Agnes Alice Amelia Amy Anna Anne Annie Arabella Augusta Barbara
    Beatrice Bertha Bess Betsy Blanche Caroline Catherine Cecilia Charlotte Clara Diana Dora
    Dorothea Dorothy Edith Eleanor Elinor Eliza Elizabeth Ellen Emily Emma Esther Ethel Eva
    Fanny Flora Florence Frances Georgiana Gertrude Grace Hannah Harriet Helen Henrietta Hester
    Isabel Isabella Jane Janet Jenny Jessie Joan Josephine Judith Julia Juliet Justine Kate
    Katherine Kitty Laura Lavinia Letitia Lizzy Louisa Lucie Lucy Lydia Mabel Margaret Maria
    Marian Marianne Martha Mary Matilda Mina Miriam Molly Nan Nancy Nelly Olivia Peggy Penelope
    Polly Rachel Rebecca Rosamond Rose Ruth Sally Sarah Sophia Sophie Susan Sylvia Theresa
    Ursula Violet Virginia Wilhelmina Winifred"""
)

GIVEN_NAMES = MALE_NAMES | FEMALE_NAMES | NICKNAMES.keys()
